#include "chat/output/output_format.hpp"

#include <algorithm>

#include "chat/output/call_syntax.hpp"

namespace linnet {
namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_of(const Family& family, std::string_view source) {
  const auto is_there = [&](std::string_view sign) { return has(source, sign); };
  return (family.signs.empty() || std::ranges::any_of(family.signs, is_there)) &&
         std::ranges::all_of(family.needs, is_there);
}

// By the part of a marker that a template is sure to contain, however it puts it together.
bool mentions(std::string_view source, const ReasoningMarks& reasoning) {
  return has(source, reasoning.begin.substr(0, reasoning.begin.find('\n'))) ||
         has(source, reasoning.end);
}

ReasoningMarks reasoning_of(const Family& family, std::string_view source) {
  if (family.messages || !family.reasoning.begin.empty()) return family.reasoning;
  const auto found = std::ranges::find_if(
      reasoning_marks(), [&](const ReasoningMarks& marks) { return mentions(source, marks); });
  return found == reasoning_marks().end() ? ReasoningMarks{} : *found;
}

bool is_marker_of(const MessageStyle& messages, std::string_view piece) {
  return piece == messages.header_end ||
         std::ranges::find(messages.ends, piece) != messages.ends.end() ||
         std::ranges::find(messages.markers, piece) != messages.markers.end();
}

}  // namespace

OutputFormat detect_output_format(std::string_view source) {
  const Family& family = *std::ranges::find_if(
      families(), [&](const Family& family) { return is_of(family, source); });
  return {&family, reasoning_of(family, source), family.has_bare_calls};
}

void add_generic_calls(OutputFormat& format) { format.has_bare_calls = true; }

bool ends_in_reasoning(const OutputFormat& format, std::string_view prompt) {
  if (format.reasoning.begin.empty()) return false;
  return trimmed(prompt).ends_with(trimmed(format.reasoning.begin));
}

bool ends_behind_reasoning(const OutputFormat& format, std::string_view prompt) {
  if (format.reasoning.end.empty()) return false;
  return trimmed(prompt).ends_with(trimmed(format.reasoning.end));
}

bool is_marker(const OutputFormat& format, std::string_view piece) {
  if (piece.empty()) return false;
  if (format.family->messages) return is_marker_of(*format.family->messages, piece);
  const auto is_part = [&](std::string_view marker) { return has(marker, piece); };
  return is_part(format.reasoning.begin) || is_part(format.reasoning.end) ||
         is_part(format.family->answer.begin) || is_part(format.family->answer.end) ||
         std::ranges::any_of(format.family->noise, is_part) ||
         std::ranges::any_of(format.family->sections, [&](const CallSection& section) {
           return is_part(section.begin) || is_part(section.end) ||
                  std::ranges::find(section.syntax->markers, piece) !=
                      section.syntax->markers.end();
         });
}

}  // namespace linnet
