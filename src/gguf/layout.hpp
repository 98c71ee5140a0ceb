#pragma once

#include <cstdint>
#include <string_view>

namespace linnet::gguf {

/// So many parts a split file has at most.
inline constexpr std::int64_t kMostParts = 1000;

/// Whether a key says how the files of a model are laid out: such keys are read before any other,
/// and only their writer may set them.
inline bool says_the_layout(std::string_view key) {
  return key.starts_with("split.") || key == "general.alignment";
}

}  // namespace linnet::gguf
