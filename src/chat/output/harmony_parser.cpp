#include "chat/output/harmony_parser.hpp"

#include <algorithm>
#include <array>

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::string_view kMessage = "<|message|>";
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::array<std::string_view, 4> kEnds = {"<|end|>", "<|call|>", "<|return|>",
                                                   "<|start|>"};

// The word that begins at `at`, up to white space or the next marker.
std::string_view word_at(std::string_view text, std::size_t at) {
  text.remove_prefix(std::min(at, text.size()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_first_of(" <\n"));
}

// True if the text may still become a header: roles, markers and a recipient.
bool may_be_header(std::string_view text) {
  text = trimmed(text);
  for (const std::string_view begin : {"<|", "to=", "assistant", "commentary", "analysis"}) {
    const std::size_t common = std::min(begin.size(), text.size());
    if (text.substr(0, common) == begin.substr(0, common)) return true;
  }
  return false;
}

std::size_t partial_end(std::string_view text) {
  std::size_t held = 0;
  for (const std::string_view end : kEnds) {
    std::size_t length = std::min(text.size(), end.size() - 1);
    while (length > held && !end.starts_with(text.substr(text.size() - length))) --length;
    held = std::max(held, length);
  }
  return held;
}

}  // namespace

std::vector<OutputEvent> HarmonyParser::push(std::string_view text) {
  buffer_ += text;
  while (step()) {
  }
  return events_.take();
}

std::vector<OutputEvent> HarmonyParser::finish() {
  if (in_header_) {
    const bool is_text = !trimmed(buffer_).empty() && !may_be_header(buffer_);
    if (is_text) events_.text(buffer_);
  } else {
    emit(buffer_);
    end_body();
  }
  buffer_.clear();
  events_.end_answer();
  return events_.take();
}

bool HarmonyParser::step() { return in_header_ ? step_header() : step_body(); }

bool HarmonyParser::step_header() {
  const std::size_t end = buffer_.find(kMessage);
  if (end == kNowhere) {
    if (may_be_header(buffer_)) return false;
    begin_body("");  // an answer without a header
    return true;
  }
  begin_body(std::string_view(buffer_).substr(0, end));
  buffer_.erase(0, end + kMessage.size());
  return true;
}

void HarmonyParser::begin_body(std::string_view header) {
  in_header_ = false;
  const std::size_t channel = header.find(kChannel);
  const std::size_t recipient = header.find("to=");
  is_reasoning_ = channel != kNowhere && word_at(header, channel + kChannel.size()) == "analysis";
  recipient_.clear();
  if (recipient != kNowhere) recipient_ = word_at(header, recipient + 3);
  if (recipient_ == "user" || recipient_ == "assistant" || tools_.empty()) recipient_.clear();
  if (recipient_.starts_with("functions.")) recipient_.erase(0, 10);
  call_.clear();
}

bool HarmonyParser::step_body() {
  std::size_t end = kNowhere;
  std::string_view marker;
  for (const std::string_view candidate : kEnds) {
    const std::size_t at = buffer_.find(candidate);
    if (at < end) {
      end = at;
      marker = candidate;
    }
  }
  const std::size_t ready = end == kNowhere ? buffer_.size() - partial_end(buffer_) : end;
  emit(std::string_view(buffer_).substr(0, ready));
  buffer_.erase(0, end == kNowhere ? ready : end + marker.size());
  if (end == kNowhere) return false;
  end_body();
  in_header_ = true;
  return true;
}

void HarmonyParser::emit(std::string_view text) {
  if (!recipient_.empty()) {
    call_ += text;
  } else if (is_reasoning_) {
    events_.reasoning(text);
  } else {
    events_.text(text);
  }
}

void HarmonyParser::end_body() {
  if (!recipient_.empty()) {
    auto arguments = parse_arguments(call_);
    std::vector<ParsedCall> calls = {{"", recipient_, {}}};
    if (arguments) calls[0].arguments = std::move(*arguments);
    const Status status = arguments ? tools_.check(calls) : arguments.error();
    if (status) {
      events_.call(calls[0]);
    } else {
      events_.broken_call(status.error().message, call_);
    }
  }
  events_.end_part();
  recipient_.clear();
}

}  // namespace linnet
