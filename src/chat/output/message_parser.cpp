#include "chat/output/message_parser.hpp"

#include <algorithm>

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;

}  // namespace

MessageParser::MessageParser(const MessageStyle& style, const OutputOptions& options)
    : style_(style),
      tools_(options.tools),
      headers_(make_header_reader(style, tools_)),
      text_ends_(headers_->text_ends()),
      events_(options),
      may_be_held_(options.held_calls && !style.calls) {}

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
  if (is_in_call()) finish_call();
  if (in_header_) {
    if (!headers_->is_cut(buffer_)) events_.text(buffer_);
  } else {
    drop_cut_header();
    emit(buffer_);
    end_body();
  }
  buffer_.clear();
  events_.end_answer();
  return events_.take();
}

// A call without an end, or with the first bytes of one.
void MessageParser::finish_call() {
  if (may_be_code()) drop_cut_header();
  call_ = buffer_;
  if (!is_call()) call_.resize(call_.size() - partial_end(style_.ends));
  if (!is_call() && !has_begun_call()) read_again();
  buffer_.clear();
  feed(std::exchange(again_, {}));
}

// Behind a whole end, as the next header begins. Less than that may be text.
void MessageParser::drop_cut_header() {
  const std::size_t bytes = partial_end(text_ends_);
  const std::string_view cut = std::string_view(buffer_).substr(buffer_.size() - bytes);
  const auto has = [&](std::string_view end) { return cut.starts_with(end); };
  if (std::ranges::any_of(style_.ends, has)) buffer_.resize(buffer_.size() - bytes);
}

bool MessageParser::step() { return in_header_ ? step_header() : step_body(); }

bool MessageParser::step_header() {
  const auto header = headers_->read(buffer_);
  if (!header) return false;
  begin_body(*header);
  buffer_.erase(0, header->bytes);
  return true;
}

void MessageParser::begin_body(const MessageHeader& header) {
  in_header_ = false;
  recipient_ = tools_.empty() ? std::string() : header.recipient;
  is_reasoning_ = header.is_reasoning;
  const bool is_text = recipient_.empty() && !is_reasoning_;
  if (is_text && style_.behind_text.empty()) may_be_held_ = false;
  held_arguments_ = {};
  held_bytes_ = 0;
  call_.clear();
  const CallValues& values = style_.calls ? style_.calls->values : kJsonValues;
  // Strings of JSON have no lines, and so none of the ends of a text that are with a header.
  call_end_ = may_be_code() ? SectionEnd(text_ends_, {}) : SectionEnd(style_.ends, values);
}

bool MessageParser::may_be_code() const { return style_.takes_code && runs_code(recipient_); }

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
  if (is_in_call()) return step_call();
  std::size_t end = kNowhere;
  std::string_view marker;
  for (const std::string_view candidate : text_ends_) {
    const std::size_t at = buffer_.find(candidate);
    if (at < end) {
      end = at;
      marker = candidate;
    }
  }
  const std::size_t ready = end == kNowhere ? buffer_.size() - partial_end(text_ends_) : end;
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

// Bytes at the end of the buffer with which one of `ends` may begin.
std::size_t MessageParser::partial_end(const std::vector<std::string_view>& ends) const {
  std::size_t held = 0;
  for (const std::string_view end : ends) {
    held = std::max(held, partial_marker(buffer_, end));
  }
  return held;
}

// The header behind an end is yet to be read.
std::size_t MessageParser::bytes_of(std::string_view end) const {
  const auto is_this = [&](std::string_view plain) { return end.starts_with(plain); };
  return std::ranges::find_if(style_.ends, is_this)->size();
}

Result<std::vector<ParsedCall>> MessageParser::parse_call() const {
  if (style_.calls) return style_.calls->parse(call_, tools_);
  auto arguments = parse_arguments(call_);
  const std::string_view text = trimmed(call_);
  if (!arguments && may_be_code() && !text.starts_with('{'))
    arguments = OrderedJson{{"code", text}};
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
