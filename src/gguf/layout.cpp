#include "gguf/layout.hpp"

#include <fmt/format.h>

#include "base/utf8.hpp"

namespace linnet::gguf {

bool is_name(std::string_view text, std::uint64_t longest_bytes) {
  if (text.empty() || text.size() > longest_bytes) return false;
  while (!text.empty()) {
    const auto character = take_character(text);
    if (!character || is_control(*character)) return false;
  }
  return true;
}

std::string part_name(std::string_view stem, std::int64_t number, std::int64_t count) {
  return fmt::format("{}-{:05}-of-{:05}.gguf", stem, number, count);
}

}  // namespace linnet::gguf
