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

bool begins_in(const CallForm& form, const CallSection& section) {
  return begin_of_calls(form).starts_with(section.begin);
}

}  // namespace

std::string_view begin_of_calls(const CallForm& form) {
  const std::string_view begin = form.begin;
  const std::string_view text =
      begin.substr(std::min(begin.find_first_not_of(kSpaces), begin.size()));
  return text.substr(0, text.find(kIdPlace));
}

Fit begins_call(const CallSection& section, std::string_view text, const ToolTable& tools,
                const CallForm* form) {
  Fit best = Fit::kNone;
  if (form) {
    if (!begins_in(*form, section)) return Fit::kNone;
    const std::string_view behind = begin_of_calls(*form).substr(section.begin.size());
    if (text.starts_with(behind)) return Fit::kFits;
    return behind.starts_with(text) ? Fit::kMayFit : Fit::kNone;
  }
  const std::vector<std::string> names = tools.names();
  for (const std::string_view pattern : section.syntax->begins) {
    if (const auto behind = behind_begin(section, pattern)) {
      best = std::max(best, fits(*behind, text, names));
    }
  }
  return best == Fit::kMayFit && text.size() > kLongestBegin ? Fit::kNone : best;
}

std::vector<std::string> begins_in_thinking(const OutputFormat& format, const CallForm* form) {
  std::vector<std::string> begins;
  const auto add = [&](std::string text) {
    text.resize(std::min(text.find(kNamePlace), text.size()));
    std::erase_if(text, is_space);
    if (std::ranges::find(begins, text) == begins.end()) begins.push_back(std::move(text));
  };
  for (const CallSection& section : format.family->sections) {
    if (!section.ends_thinking) continue;
    if (form && begins_in(*form, section)) add(std::string(begin_of_calls(*form)));
    if (form) continue;
    for (const std::string_view pattern : section.syntax->begins) {
      const auto behind = behind_begin(section, pattern);
      if (behind) add(std::string(section.begin).append(*behind));
    }
  }
  return begins;
}

}  // namespace linnet
