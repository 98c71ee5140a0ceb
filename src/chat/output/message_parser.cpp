#include "chat/output/message_parser.hpp"

#include <algorithm>

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::string_view kChannel = "<|channel|>";

// The word that begins at `at`, up to white space or the next marker.
std::string_view word_at(std::string_view text, std::size_t at) {
  text.remove_prefix(std::min(at, text.size()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text.substr(0, text.find_first_of(" <\n"));
}

// True if the text may still become a header: roles, markers and a recipient. What is longer than
// any of them is an answer that begins like one.
bool may_be_header(std::string_view text) {
  constexpr std::size_t kLongestHeader = 512;
  if (text.size() > kLongestHeader) return false;
  text = trimmed(text);
  for (const std::string_view begin : {"<|", "to=", "assistant", "commentary", "analysis"}) {
    const std::size_t common = std::min(begin.size(), text.size());
    if (text.substr(0, common) == begin.substr(0, common)) return true;
  }
  return false;
}

// True if the answer broke off in a header: several words without any of its signs are text.
bool is_part_of_header(std::string_view text) {
  text = trimmed(text);
  const auto has = [&](std::string_view sign) { return text.find(sign) != kNowhere; };
  return may_be_header(text) && (!has(" ") || has("<|") || has("to="));
}

}  // namespace

MessageParser::MessageParser(const MessageStyle& style, const OutputOptions& options)
    : style_(style),
      tools_(options.tools),
      ends_(style.ends),
      events_(options),
      may_be_held_(options.held_calls && !style.calls) {
  if (style.person.empty()) return;
  std::vector<std::string> recipients = tools_.names();
  recipients.emplace_back(style.person);
  for (const std::string& recipient : recipients) {
    headers_.push_back(recipient + std::string(style.header_end));
    for (const std::string_view end : style.ends) {
      ends_with_headers_.push_back(std::string(end) + headers_.back());
    }
  }
  ends_.assign(ends_with_headers_.begin(), ends_with_headers_.end());
}

std::vector<OutputEvent> MessageParser::push(std::string_view text) {
  feed(text);
  return events_.take();
}

void MessageParser::feed(std::string_view text) {
  for_pieces(text, [this](std::string_view piece) {
    buffer_ += piece;
    while (step()) {
    }
    if (!again_.empty()) feed(std::exchange(again_, {}));  // once in an answer
  });
}

std::vector<OutputEvent> MessageParser::finish() {
  if (!in_header_ && !recipient_.empty() && !is_plain_) {
    call_ = buffer_;
    const bool is_whole = is_call();
    if (!is_whole && !has_begun_call()) read_again();
    buffer_.clear();
    feed(std::exchange(again_, {}));
  }
  if (in_header_) {
    if (headers_.empty() && !is_part_of_header(buffer_)) events_.text(buffer_);
  } else {
    emit(buffer_);
    end_body();
  }
  buffer_.clear();
  events_.end_answer();
  return events_.take();
}

bool MessageParser::step() { return in_header_ ? step_header() : step_body(); }

// Headers that are nothing but a recipient could be any text, but for these.
bool MessageParser::step_known_header() {
  const std::string_view text = buffer_;
  for (const std::string& header : headers_) {
    if (!text.starts_with(header)) continue;
    begin_body(text.substr(0, header.size() - style_.header_end.size()));
    buffer_.erase(0, header.size());
    return true;
  }
  const auto may_come = [&](std::string_view header) { return header.starts_with(text); };
  if (std::ranges::any_of(headers_, may_come)) return false;
  begin_body("");
  return true;
}

bool MessageParser::step_header() {
  if (!headers_.empty()) return step_known_header();
  const std::size_t end = buffer_.find(style_.header_end);
  if (end == kNowhere) {
    if (may_be_header(buffer_)) return false;
    begin_body("");  // an answer without a header
    return true;
  }
  begin_body(std::string_view(buffer_).substr(0, end));
  buffer_.erase(0, end + style_.header_end.size());
  return true;
}

void MessageParser::begin_body(std::string_view header) {
  in_header_ = false;
  const std::size_t channel = header.find(kChannel);
  const std::size_t recipient = header.find("to=");
  recipient_.clear();
  if (!headers_.empty()) {
    recipient_ = header;
  } else if (recipient != kNowhere) {
    recipient_ = word_at(header, recipient + 3);
  }
  is_reasoning_ =
      !style_.reasoning.empty() &&
      (recipient_ == style_.reasoning ||
       (channel != kNowhere && word_at(header, channel + kChannel.size()) == style_.reasoning));
  const bool is_for_person =
      recipient_ == style_.person || recipient_ == "user" || recipient_ == "assistant";
  if (is_for_person || recipient_ == style_.reasoning || tools_.empty()) recipient_.clear();
  if (recipient_.starts_with("functions.")) recipient_.erase(0, 10);
  if (recipient_.empty() && !is_reasoning_) may_be_held_ = false;
  held_arguments_ = {};
  held_bytes_ = 0;
  call_.clear();
  call_end_ = SectionEnd(ends_, style_.calls ? style_.calls->values : kJsonValues);
}

// The ends of bodies may stand in the values of a call.
bool MessageParser::step_call() {
  read_held_call();
  const std::size_t end = call_end_.find(buffer_);
  if (end == kNowhere) {
    if (call_end_.failed() && !has_begun_call()) read_again();
    return false;
  }
  call_ = buffer_.substr(0, end);
  if (!is_call() && !has_begun_call()) {
    read_again();
    return false;
  }
  buffer_.erase(0, end + bytes_of(call_end_.found()));
  end_body();
  in_header_ = true;
  return true;
}

void MessageParser::read_held_call() {
  if (!may_be_held_ || held_arguments_.is_complete() || !buffer_.starts_with('{')) return;
  if (!tools_.contains(recipient_)) return;
  if (!has_begun_call()) events_.begin_call({"", recipient_, {}});
  const std::string_view rest = std::string_view(buffer_).substr(held_bytes_);
  held_bytes_ += pass_arguments(rest, held_arguments_, events_);
}

void MessageParser::read_again() {
  is_plain_ = true;
  call_.clear();
  again_ = std::exchange(buffer_, {});
}

bool MessageParser::step_body() {
  if (!recipient_.empty() && !is_plain_) return step_call();
  std::size_t end = kNowhere;
  std::string_view marker;
  for (const std::string_view candidate : ends_) {
    const std::size_t at = buffer_.find(candidate);
    if (at < end) {
      end = at;
      marker = candidate;
    }
  }
  const std::size_t ready = end == kNowhere ? buffer_.size() - partial_end() : end;
  emit(std::string_view(buffer_).substr(0, ready));
  buffer_.erase(0, end == kNowhere ? ready : end + bytes_of(marker));
  if (end == kNowhere) return false;
  end_body();
  in_header_ = true;
  return true;
}

void MessageParser::emit(std::string_view text) {
  if (!recipient_.empty()) {
    call_ += text;
  } else if (is_reasoning_) {
    events_.reasoning(text);
  } else {
    events_.text(text);
  }
}

// Bytes at the end of the buffer with which the end of the body may begin.
std::size_t MessageParser::partial_end() const {
  std::size_t held = 0;
  for (const std::string_view end : ends_) {
    held = std::max(held, partial_marker(buffer_, end));
  }
  return held;
}

// The header behind an end is yet to be read.
std::size_t MessageParser::bytes_of(std::string_view end) const {
  if (headers_.empty()) return end.size();
  const auto is_this = [&](std::string_view plain) { return end.starts_with(plain); };
  return std::ranges::find_if(style_.ends, is_this)->size();
}

Result<std::vector<ParsedCall>> MessageParser::parse_call() const {
  if (style_.calls) return style_.calls->parse(call_, tools_);
  auto arguments = parse_arguments(call_);
  if (!arguments) return arguments.error();
  return std::vector<ParsedCall>{{"", recipient_, std::move(*arguments)}};
}

bool MessageParser::is_call() const {
  const auto calls = parse_call();
  return calls && tools_.check(*calls);
}

void MessageParser::end_body() {
  if (has_begun_call()) {
    if (!held_arguments_.is_complete()) events_.cut_call();
  } else if (!recipient_.empty() && may_be_held_ && trimmed(call_).empty()) {
    events_.broken_call(kNoArguments, call_);
  } else if (!recipient_.empty()) {
    const auto calls = parse_call();
    const Status status = calls ? tools_.check(*calls) : calls.error();
    if (!status) events_.broken_call(status.error().message, call_);
    for (std::size_t i = 0; status && i < calls->size(); ++i) events_.call((*calls)[i]);
  }
  events_.end_part();
  recipient_.clear();
  held_bytes_ = 0;
}

}  // namespace linnet
