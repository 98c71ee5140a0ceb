#include "chat/output/section_end.hpp"

#include <algorithm>

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;

bool may_become(std::string_view text, std::string_view marker) {
  return text.size() < marker.size() && marker.starts_with(text);
}

}  // namespace

std::size_t SectionEnd::find(std::string_view text) {
  while (!failed_ && step(text)) {
    if (place_ == Place::kEnd) return at_;
  }
  return kNowhere;
}

bool SectionEnd::step(std::string_view text) {
  switch (place_) {
    case Place::kOutside:
      return step_outside(text);
    case Place::kTag:
      return step_tag(text);
    case Place::kValue:
      return step_value(text);
    case Place::kString:
      return step_string(text);
    case Place::kEnd:
      return true;
  }
  return false;
}

bool SectionEnd::is_quote(char c) const {
  if (values_.strings == CallValues::Strings::kNone) return false;
  return c == '"' || (c == '\'' && values_.strings == CallValues::Strings::kPython);
}

void SectionEnd::count_depth(char c) {
  if (c == '[' || c == '{') ++depth_;
  if ((c == ']' || c == '}') && depth_ > 0) --depth_;
}

bool SectionEnd::step_outside(std::string_view text) {
  for (; at_ < text.size(); ++at_) {
    const std::string_view rest = text.substr(at_);
    for (const std::string_view end : ends_) {
      if (depth_ > 0) break;
      if (may_become(rest, end)) return false;
      if (!rest.starts_with(end)) continue;
      found_ = end;
      place_ = Place::kEnd;
      return true;
    }
    for (const ValueMarks& mark : values_.marks) {
      if (may_become(rest, mark.begin)) return false;
      if (!rest.starts_with(mark.begin)) continue;
      mark_ = &mark;
      at_ += mark.begin.size() - 1;  // which may be the end of the tag
      place_ = Place::kTag;
      return true;
    }
    if (values_.are_nested) count_depth(rest[0]);
    if (!is_quote(rest[0])) continue;
    quote_ = rest[0];
    ++at_;
    place_ = Place::kString;
    return true;
  }
  return false;
}

bool SectionEnd::step_tag(std::string_view text) {
  const std::size_t end = text.find('>', at_);
  at_ = std::min(end, text.size());
  if (end == kNowhere) return false;
  const std::string_view value = text.substr(end + 1);
  if (mark_->may_be_cdata && may_become(value, kCdata)) return false;
  const bool is_cdata = mark_->may_be_cdata && value.starts_with(kCdata);
  at_ = end + 1;
  value_end_ = is_cdata ? kCdataEnd : mark_->end;
  place_ = Place::kValue;
  return true;
}

bool SectionEnd::step_value(std::string_view text) {
  const std::size_t end = text.find(value_end_, at_);
  if (end == kNowhere) {
    at_ = std::max(at_, text.size() - std::min(text.size(), value_end_.size() - 1));
    return false;
  }
  at_ = end + value_end_.size();
  if (value_end_ == mark_->end) place_ = Place::kOutside;
  value_end_ = mark_->end;
  return true;
}

bool SectionEnd::step_string(std::string_view text) {
  for (; at_ < text.size(); ++at_) {
    const char c = text[at_];
    if (c == '\\') {
      if (at_ + 1 == text.size()) return false;
      ++at_;
    } else if (c == quote_) {
      ++at_;
      place_ = Place::kOutside;
      return true;
    } else if (c == '\n' && values_.strings == CallValues::Strings::kJson) {
      failed_ = true;  // strings of JSON have no lines
      return false;
    }
  }
  return false;
}

}  // namespace linnet
