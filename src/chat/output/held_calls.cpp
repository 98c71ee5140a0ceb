#include "chat/output/held_calls.hpp"

#include <algorithm>
#include <cctype>

namespace linnet {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::size_t kIdBytes = 9;  // that stand for kIdPlace

// Takes what is of the form, with any ids, off the beginning of `text`, where all of it is there.
Fit take(std::string_view form, std::string_view& text) {
  std::size_t at = 0;
  for (; !form.empty(); form.remove_prefix(1)) {
    const bool is_id = form.starts_with(kIdPlace);
    for (std::size_t i = 0; i < (is_id ? kIdBytes : 1); ++i, ++at) {
      if (at == text.size()) return Fit::kMayFit;
      const bool fits =
          is_id ? std::isalnum(static_cast<unsigned char>(text[at])) != 0 : text[at] == form[0];
      if (!fits) return Fit::kNone;
    }
  }
  text.remove_prefix(at);
  return Fit::kFits;
}

std::string_view without_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

std::string up_to(std::string_view text, std::string_view marker) {
  return std::string(marker.empty() ? text : text.substr(0, text.find(marker)));
}

}  // namespace

HeldCalls::HeldCalls(const CallForm& form, const CallSection& section)
    : section_(section), middle_(form.middle), end_(up_to(form.end, section.end)) {
  const std::size_t begin = form.begin.find(section.begin);
  const bool has_id_behind = form.end.find(kIdPlace) != kNowhere;
  if (!form.has_json_arguments || begin == kNowhere || middle_.empty() || has_id_behind) return;
  head_ = without_spaces(std::string_view(form.begin).substr(begin + section.begin.size()));
  const bool may_have_several =
      form.between && (section.end.empty() || form.between->find(section.end) == kNowhere);
  if (may_have_several) between_ = *form.between;
  stage_ = Stage::kHead;
}

void HeldCalls::read(std::string_view content, const ToolTable& tools, EventList& events) {
  while (stage_ == Stage::kHead ? read_head(content, tools, events)
                                : stage_ == Stage::kArguments && read_arguments(content, events)) {
  }
}

bool HeldCalls::is_cut_in_head(std::string_view content) const {
  if (stage_ != Stage::kHead || begun_ == 0) return stage_ == Stage::kHead;
  const std::string end = end_ + std::string(section_.end);
  const std::string_view rest = content.substr(at_);
  return !end.starts_with(rest) && !end.starts_with(trimmed(rest));
}

// A call up to its arguments; false where more text is needed, or nothing more is to be read.
bool HeldCalls::read_head(std::string_view content, const ToolTable& tools, EventList& events) {
  constexpr std::size_t kLongestName = 128;
  const bool is_first = begun_ == 0;
  std::string_view rest = content.substr(at_);
  if (is_first) rest = without_spaces(rest);
  Fit fit = take(is_first ? head_ : between_, rest);
  const std::size_t name_bytes =
      static_cast<std::size_t>(std::ranges::find_if_not(rest, is_name_character) - rest.begin());
  const std::string_view name = rest.substr(0, name_bytes);
  if (fit == Fit::kFits) {
    rest.remove_prefix(name_bytes);
    fit = name_bytes > kLongestName ? Fit::kNone : take(middle_, rest);
  }
  const std::size_t begin = content.size() - rest.size();
  if (fit == Fit::kFits) fit = take("{", rest);  // of the arguments
  const bool is_there = fit == Fit::kFits;
  if (is_there && begin_call(content.substr(at_, begin - at_), name, tools, events)) return true;
  if (fit != Fit::kMayFit) stage_ = Stage::kOver;
  return false;
}

// What the family's parser makes of the call without its arguments.
bool HeldCalls::begin_call(std::string_view head, std::string_view name, const ToolTable& tools,
                           EventList& events) {
  const std::string before = begun_ == 0 ? "" : first_call_ + "{}";
  const auto calls =
      parse_section(section_, before + std::string(head) + "{}" + end_, section_.end, tools);
  if (!calls || calls->back().name != name || !tools.contains(name)) return false;
  if (begun_++ == 0) first_call_ = head;
  at_ += head.size();
  arguments_ = {};
  stage_ = Stage::kArguments;
  events.begin_call(calls->back());
  return true;
}

bool HeldCalls::read_arguments(std::string_view content, EventList& events) {
  at_ += pass_arguments(content.substr(at_), arguments_, events);
  if (!arguments_.is_complete()) return false;
  stage_ = between_.empty() ? Stage::kOver : Stage::kHead;
  return true;
}

std::size_t pass_arguments(std::string_view text, ObjectReader& reader, EventList& events) {
  std::string written;
  const std::size_t bytes = reader.read(text, written);
  events.call_arguments(written);
  if (bytes > 0 && reader.is_complete()) events.end_call();
  return bytes;
}

Result<std::vector<ParsedCall>> parse_section(const CallSection& section, std::string_view content,
                                              std::string_view end, const ToolTable& tools) {
  if (!section.is_one_call) return section.syntax->parse(content, tools);
  return section.syntax->parse(std::string(section.begin).append(content).append(end), tools);
}

}  // namespace linnet
