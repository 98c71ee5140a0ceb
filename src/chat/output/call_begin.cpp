#include "chat/output/call_begin.hpp"

#include <algorithm>
#include <optional>

namespace linnet {
namespace {

// Nothing is read forever to find out that it is no call.
constexpr std::size_t kLongestBegin = 512;

constexpr std::string_view kSpaces = " \t\r\n";

bool is_space(char c) { return kSpaces.find(c) != kSpaces.npos; }

Fit fits(std::string_view pattern, std::string_view text, const std::vector<std::string>& names);

Fit fits_name(std::string_view pattern, std::string_view text,
              const std::vector<std::string>& names) {
  Fit best = Fit::kNone;
  for (const std::string& name : names) {
    if (text.starts_with(name))
      best = std::max(best, fits(pattern, text.substr(name.size()), names));
    if (text.size() < name.size() && name.starts_with(text)) best = std::max(best, Fit::kMayFit);
  }
  return best;
}

// Whether `text` begins with what the pattern stands for.
Fit fits(std::string_view pattern, std::string_view text, const std::vector<std::string>& names) {
  for (; !pattern.empty(); pattern.remove_prefix(1)) {
    if (pattern[0] == ' ') {
      text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
      continue;
    }
    if (pattern.starts_with(kNamePlace)) {
      return fits_name(pattern.substr(kNamePlace.size()), text, names);
    }
    if (text.empty()) return Fit::kMayFit;
    if (text[0] != pattern[0]) return Fit::kNone;
    text.remove_prefix(1);
  }
  return Fit::kFits;
}

// What follows a section's begin where that is part of the calls; nothing where no call does.
std::optional<std::string_view> behind_begin(const CallSection& section, std::string_view pattern) {
  if (!section.is_one_call) return pattern;
  pattern.remove_prefix(pattern.starts_with(' ') ? 1 : 0);
  if (!pattern.starts_with(section.begin)) return std::nullopt;
  return pattern.substr(section.begin.size());
}

// Behind white space, and up to an id.
std::string_view begin_of(const CallForm& form) {
  std::string_view begin = form.begin;
  begin.remove_prefix(std::min(begin.find_first_not_of(kSpaces), begin.size()));
  return begin.substr(0, begin.find(kIdPlace));
}

Fit fits_any(const std::vector<std::string>& begins, std::string_view marker,
             std::string_view text) {
  Fit best = Fit::kNone;
  for (const std::string_view begin : begins) {
    if (!begin.starts_with(marker)) continue;
    const std::string_view behind = begin.substr(marker.size());
    if (text.starts_with(behind)) return Fit::kFits;
    if (behind.starts_with(text)) best = Fit::kMayFit;
  }
  return best;
}

// What a pattern stands for.
std::vector<std::string> spelled(std::string_view pattern, const std::vector<std::string>& names) {
  const std::size_t at = pattern.find(kNamePlace);
  if (at == pattern.npos) return {std::string(pattern)};
  std::vector<std::string> texts;
  for (const std::string& name : names) {
    texts.push_back(std::string(pattern.substr(0, at))
                        .append(name)
                        .append(pattern.substr(at + kNamePlace.size())));
  }
  return texts;
}

}  // namespace

std::vector<std::string> begins_of_form(const CallForm& form, const Family& family,
                                        const ToolTable& tools) {
  const std::string_view begin = begin_of(form);
  const auto section = std::ranges::find_if(family.sections, [&](const CallSection& any) {
    return any.ends_thinking && begin.starts_with(any.begin);
  });
  if (section == family.sections.end()) return {};
  if (begin != section->begin) return {std::string(begin)};
  std::vector<std::string> begins;
  for (const std::string& name : tools.names()) {
    const std::string middle = form.middle_behind(name);
    begins.push_back(std::string(begin) + name + middle.substr(0, middle.find(kIdPlace)));
  }
  return begins;
}

Fit begins_call(const CallSection& section, std::string_view text, const ToolTable& tools,
                const std::vector<std::string>& begins) {
  if (!begins.empty()) return fits_any(begins, section.begin, text);
  Fit best = Fit::kNone;
  const std::vector<std::string> names = tools.names();
  for (const std::string_view pattern : section.syntax->begins) {
    if (const auto behind = behind_begin(section, pattern)) {
      best = std::max(best, fits(*behind, text, names));
    }
  }
  return best == Fit::kMayFit && text.size() > kLongestBegin ? Fit::kNone : best;
}

std::vector<std::string> begins_in_thinking(const OutputFormat& format, const CallForm* form,
                                            const ToolTable& tools) {
  std::vector<std::string> begins;
  if (form) {
    begins = begins_of_form(*form, *format.family, tools);
  } else {
    for (const CallSection& section : format.family->sections) {
      for (const std::string_view pattern : section.syntax->begins) {
        const auto behind = behind_begin(section, pattern);
        if (!section.ends_thinking || !behind) continue;
        for (const std::string& text : spelled(*behind, tools.names())) {
          begins.push_back(std::string(section.begin) + text);
        }
      }
    }
  }
  for (std::string& begin : begins) std::erase_if(begin, is_space);
  return begins;
}

}  // namespace linnet
