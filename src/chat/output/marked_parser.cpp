#include "chat/output/marked_parser.hpp"

#include <algorithm>

#include "chat/output/call_begin.hpp"

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;

// The keys with which an unmarked call begins.
bool may_begin_call(std::string_view text) {
  std::string compact;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') compact += c;
    if (compact.size() > 16) break;
  }
  for (const std::string_view begin : {"{\"name\":", "{\"tool_call", "{\"type\":\"function",
                                       "{\"function\":", "{\"parameters\":", "{\"arguments\":"}) {
    const std::size_t common = std::min(begin.size(), compact.size());
    if (std::string_view(compact).substr(0, common) == begin.substr(0, common)) return true;
  }
  return false;
}

}  // namespace

MarkedParser::MarkedParser(const OutputFormat& format, const OutputOptions& options)
    : format_(format),
      tools_(options.tools),
      events_(options),
      held_form_(options.held_calls),
      noise_(format.family->noise) {
  if (held_form_) held_begins_ = begins_of_form(*held_form_, *format_.family, tools_);
  if (options.starts_in_reasoning) {
    begin_thinking();
    events_.end_part();
  }
}

void MarkedParser::begin_thinking() {
  mode_ = Mode::kReasoning;
  for (const std::string_view mark : {format_.family->answer.begin, format_.family->answer.end}) {
    const bool is_known = std::ranges::find(noise_, mark) != noise_.end();
    if (!mark.empty() && !is_known) noise_.push_back(mark);
  }
}

std::vector<OutputEvent> MarkedParser::push(std::string_view text) {
  feed(text);
  return events_.take();
}

void MarkedParser::feed(std::string_view text) {
  for_pieces(text, [this](std::string_view piece) {
    buffer_ += piece;
    while (step()) {
    }
    // What is read again gets shorter each time.
    if (!again_.empty()) feed(std::exchange(again_, {}));
  });
}

void MarkedParser::drop(std::size_t bytes) {
  buffer_.erase(0, bytes);
  plain_bytes_ -= std::min(plain_bytes_, bytes);
}

std::vector<OutputEvent> MarkedParser::finish() {
  while (mode_ == Mode::kCall) finish_call();
  const bool is_short = mode_ == Mode::kStart && looks_for_bare_call();
  if (mode_ == Mode::kBareCall || is_short) {
    end_bare_call();
  } else if (std::ranges::find(noise_, buffer_) == noise_.end()) {
    emit(buffer_);
  }
  buffer_.clear();
  events_.end_answer();
  return events_.take();
}

bool MarkedParser::step() {
  if (mode_ == Mode::kStart) return step_start();
  if (mode_ == Mode::kCall) return step_call();
  if (mode_ != Mode::kBareCall) return step_text();
  read_held_calls();
  return false;
}

// Where an answer begins it may be an unmarked call.
bool MarkedParser::step_start() {
  const std::string_view text = trimmed(buffer_);
  if (looks_for_bare_call() && text.empty()) return false;
  mode_ = looks_for_bare_call() && may_begin_call(text) ? Mode::kBareCall : Mode::kText;
  if (mode_ == Mode::kText) return true;
  // A few more characters tell whether it is one.
  if (text.size() < 16) {
    mode_ = Mode::kStart;
    return false;
  }
  if (held_form_) held_calls_.emplace(*held_form_, bare_section());
  return true;
}

std::span<const CallSection> MarkedParser::sections() const {
  if (tools_.empty()) return {};
  return format_.family->sections;
}

MarkedParser::Marker MarkedParser::next_marker() const {
  Marker next{kNowhere, {}, nullptr, Mode::kText};
  const auto look = [&](std::string_view text, const CallSection* section, Mode after) {
    if (text.empty()) return;
    const std::size_t at = buffer_.find(text);
    if (at < next.at) next = {at, text, section, after};
  };
  if (mode_ == Mode::kReasoning) {
    look(format_.reasoning.end, nullptr, Mode::kStart);
    for (const CallSection& section : sections()) {
      if (section.ends_thinking) look(section.begin, &section, Mode::kCall);
    }
    return next;
  }
  look(format_.reasoning.begin, nullptr, Mode::kReasoning);
  look(format_.reasoning.end, nullptr, Mode::kText);  // a stray one
  for (const std::string_view noise : noise_) look(noise, nullptr, Mode::kText);
  for (const CallSection& section : sections()) look(section.begin, &section, Mode::kCall);
  if (!events_.is_behind_call()) return next;
  for (const std::string_view end : format_.family->stray_ends) {
    if (trimmed(buffer_).starts_with(end)) look(end, nullptr, Mode::kText);
  }
  return next;
}

bool MarkedParser::may_grow(const Marker& marker) const {
  const std::string_view rest = std::string_view(buffer_).substr(marker.at);
  const std::string_view begin = format_.reasoning.begin;
  return mode_ != Mode::kReasoning && rest.size() < begin.size() && begin.starts_with(rest);
}

// Bytes at the end of the buffer that may turn out to be a marker.
std::size_t MarkedParser::held_back() const {
  std::size_t held = 0;
  const auto hold = [&](std::string_view marker) {
    if (!marker.empty()) held = std::max(held, partial_marker(buffer_, marker));
  };
  hold(format_.reasoning.end);
  for (const CallSection& section : sections()) {
    if (mode_ != Mode::kReasoning || section.ends_thinking) hold(section.begin);
  }
  if (mode_ == Mode::kReasoning) return held;
  hold(format_.reasoning.begin);
  for (const std::string_view noise : noise_) hold(noise);
  if (events_.is_behind_call()) {
    for (const std::string_view end : format_.family->stray_ends) hold(end);
  }
  return held;
}

bool MarkedParser::step_text() {
  const Marker marker = next_marker();
  if (marker.at == kNowhere || may_grow(marker)) {
    const std::size_t ready = buffer_.size() - held_back();
    emit(std::string_view(buffer_).substr(0, ready));
    drop(ready);
    return false;
  }
  emit(std::string_view(buffer_).substr(0, marker.at));
  drop(marker.at + marker.text.size());
  is_in_thinking_ = marker.section && mode_ == Mode::kReasoning;
  const bool ends_part =
      !is_in_thinking_ && (marker.after == Mode::kReasoning || mode_ != Mode::kText ||
                           marker.text == format_.reasoning.end);
  if (ends_part) events_.end_part();
  mode_ = marker.after;
  if (mode_ == Mode::kReasoning) begin_thinking();
  if (marker.section) begin_call(*marker.section);
  return true;
}

void MarkedParser::begin_call(const CallSection& section) {
  section_ = &section;
  held_calls_.reset();
  if (is_in_thinking_) {
    const std::vector<std::string_view> ends = {section.end, format_.reasoning.end};
    end_ = SectionEnd(ends, thinks_plainly_ ? CallValues{} : section.syntax->values);
    return;
  }
  end_ =
      plain_bytes_ > 0 ? SectionEnd(section.end) : SectionEnd(section.end, section.syntax->values);
  if (held_form_ && plain_bytes_ == 0) held_calls_.emplace(*held_form_, section);
}

void MarkedParser::read_held_calls() {
  if (held_calls_) held_calls_->read(buffer_, tools_, events_);
}

bool MarkedParser::step_call() {
  if (is_in_thinking_) return step_call_in_thinking();
  read_held_calls();
  if (section_->end.empty()) return false;
  const std::size_t end = end_.find(buffer_);
  if (end == kNowhere) {
    if (end_.failed() && !has_begun_call()) read_again(end_.searched());
    return false;
  }
  const std::string_view content = std::string_view(buffer_).substr(0, end);
  const Status taken = take_calls(*section_, content, section_->end);
  if (!taken && !has_begun_call() && buffer_.find(section_->end) < end) {
    read_again(end + section_->end.size());
    return false;
  }
  break_call(taken, content, section_->end);
  drop(end + section_->end.size());
  held_calls_.reset();
  mode_ = Mode::kText;
  return true;
}

void MarkedParser::read_again(std::size_t bytes) {
  plain_bytes_ = bytes;
  again_ = std::exchange(buffer_, {});
  begin_call(*section_);
}

// A model may call before its thinking has an end, or mention the marker of calls there.
bool MarkedParser::step_call_in_thinking() {
  const Fit fit = begins_call(*section_, buffer_, tools_, held_begins_);
  if (fit == Fit::kMayFit) return false;
  if (fit == Fit::kNone) {
    go_on_thinking(0);
    return true;
  }
  if (!held_begins_.empty()) return begin_held_call();
  const std::size_t at = end_.find(buffer_);
  if (at == kNowhere) {
    if (!end_.failed()) return false;
    look_for_ends_plainly();
    return true;
  }
  if (end_.found() == format_.reasoning.end) {
    go_on_thinking(at);
    return true;
  }
  const std::size_t end = at + section_->end.size();
  if (!take_calls_in_thinking(std::string_view(buffer_).substr(0, at), section_->end)) {
    go_on_thinking(end);
    return true;
  }
  drop(end);
  mode_ = Mode::kText;
  return true;
}

// A grammar lets nothing else than calls begin as they do.
bool MarkedParser::begin_held_call() {
  is_in_thinking_ = false;
  events_.end_part();
  begin_call(*section_);
  return true;
}

// What seemed to be values are none; and so for the rest, so that nothing is read many times.
void MarkedParser::look_for_ends_plainly() {
  thinks_plainly_ = true;
  begin_call(*section_);
}

// What seemed to be a call was thought.
void MarkedParser::go_on_thinking(std::size_t bytes) {
  mode_ = Mode::kReasoning;
  is_in_thinking_ = false;
  emit(section_->begin);
  emit(std::string_view(buffer_).substr(0, bytes));
  drop(bytes);
}

// False where there are none, also behind the last marker of those that the thinking mentions.
bool MarkedParser::take_calls_in_thinking(std::string_view content, std::string_view end) {
  auto calls = parse_section(*section_, content, end, tools_);
  std::size_t last = content.rfind(section_->begin);
  if (calls && tools_.check(*calls)) {
    last = kNowhere;
  } else if (last != kNowhere) {
    calls = parse_section(*section_, content.substr(last + section_->begin.size()), end, tools_);
  }
  if (!calls || !tools_.check(*calls)) return false;
  if (last != kNowhere) {
    events_.reasoning(section_->begin);
    events_.reasoning(content.substr(0, last));
  }
  is_in_thinking_ = false;
  events_.end_part();
  for (const ParsedCall& call : *calls) events_.call(call);
  return true;
}

// A call without an end, or with one that seemed to stand in a value.
void MarkedParser::finish_call() {
  if (is_in_thinking_) return finish_call_in_thinking();
  if (held_calls_ && held_calls_->is_cut_in_head(buffer_)) {
    if (has_begun_call()) {
      events_.cut_call();
    } else {
      events_.broken_call(kNoArguments, whole_call(buffer_, ""));
    }
    return leave_call();
  }
  const Status taken = take_calls(*section_, buffer_, "");
  const bool has_end = !section_->end.empty() && buffer_.find(section_->end) != kNowhere;
  if (!taken && !has_end && take_calls_before_text()) return;
  if (taken || !has_end || has_begun_call()) {
    break_call(taken, buffer_, "");
    return leave_call();
  }
  read_again(buffer_.size());
  feed(std::exchange(again_, {}));
  if (mode_ == Mode::kCall) finish_call();  // of whose end there is none now
}

bool MarkedParser::take_calls_before_text() {
  if (has_begun_call()) return false;
  const std::size_t first = buffer_.find_first_not_of(" \t\r\n");
  const bool is_list = first != kNowhere && buffer_[first] == '[';
  const std::size_t begin = is_list ? first : buffer_.find('{');
  const std::size_t end = begin == kNowhere ? kNowhere : end_of_json(buffer_, begin);
  if (end == kNowhere || !take_calls(*section_, std::string_view(buffer_).substr(0, end), "")) {
    return false;
  }
  drop(end);
  const std::string rest = std::exchange(buffer_, {});
  leave_call();
  feed(rest);
  return true;
}

void MarkedParser::finish_call_in_thinking() {
  if (!held_begins_.empty()) return go_on_thinking(buffer_.size());
  if (take_calls_in_thinking(buffer_, "")) return leave_call();
  if (thinks_plainly_) return go_on_thinking(buffer_.size());
  look_for_ends_plainly();
  feed(std::exchange(buffer_, {}));
}

void MarkedParser::leave_call() {
  buffer_.clear();
  held_calls_.reset();
  mode_ = Mode::kText;
}

void MarkedParser::emit(std::string_view text) {
  if (mode_ == Mode::kReasoning) {
    events_.reasoning(text);
  } else {
    events_.text(text);
  }
}

std::string MarkedParser::whole_call(std::string_view content, std::string_view end) const {
  return std::string(section_->begin).append(content).append(end);
}

// An Error that says why there are none. Those that have begun are given out already.
Status MarkedParser::take_calls(const CallSection& section, std::string_view content,
                                std::string_view end) {
  auto calls = parse_section(section, content, end, tools_);
  if (!calls) return calls.error();
  if (Status status = tools_.check(*calls); !status) return status;
  for (std::size_t i = held_calls_ ? held_calls_->begun() : 0; i < calls->size(); ++i) {
    events_.call((*calls)[i]);
  }
  return {};
}

void MarkedParser::break_call(const Status& why, std::string_view content, std::string_view end) {
  if (why) return;
  if (!has_begun_call()) return events_.broken_call(why.error().message, whole_call(content, end));
  if (held_calls_->is_open()) events_.cut_call();
}

// JSON that calls no tool of ours is an answer like any other.
void MarkedParser::end_bare_call() {
  if (held_calls_ && held_calls_->is_cut_in_head(buffer_)) {
    return has_begun_call() ? events_.cut_call() : events_.text(buffer_);
  }
  const Status taken = take_calls(bare_section(), buffer_, "");
  if (has_begun_call()) return break_call(taken, buffer_, "");
  if (!taken) events_.text(buffer_);
}

}  // namespace linnet
