#pragma once

#include "chat/jinja/run.hpp"

namespace linnet::jinja {

// What methods of strings and filters share. Texts keep the origin of their bytes.

enum class Side { kLeft, kRight, kBoth };

/// Without the characters in `characters`, or without white space if it is null, at its ends.
Text strip(Run& run, const Text& text, const Text* characters, Side side);
/// With `to` instead of the first `count` times (all where negative) that `from` stands in it.
Text replace(Run& run, const Text& text, const Text& from, const Text& to, std::int64_t count);
/// A string cut at `separator`, or at white space if it is null, `most` times (always where
/// negative); beginning at the right where `from_right`.
std::vector<Value> split(Run& run, const Value& string, const Text* separator, std::int64_t most,
                         bool from_right);
/// Its lines, with their ends where `keep_ends`.
std::vector<Value> split_lines(Run& run, const Value& string, bool keep_ends);

Text to_upper(Run& run, const Text& text);
Text to_lower(Run& run, const Text& text);
Text capitalize(Run& run, const Text& text);

}  // namespace linnet::jinja
