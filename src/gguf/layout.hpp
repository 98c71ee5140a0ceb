#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace linnet::gguf {

/// So many parts a split file has at most.
inline constexpr std::int64_t kMostParts = 1000;

/// Limits of files, both of those that are read and of those that are written.
inline constexpr std::uint64_t kMostKeys = 1 << 16;
inline constexpr std::uint64_t kMostTensors = 1 << 20;
inline constexpr std::uint64_t kLongestKey = 65535;
inline constexpr std::uint64_t kLongestTensorName = 127;
/// Bytes of a value, which is copied and looked through. The longest are whole tokenizers of some
/// 30 MiB.
inline constexpr std::uint64_t kLongestText = std::uint64_t{64} << 20;

/// Whether a key or a tensor may be called so. Names appear in messages, so they are printable
/// text.
bool is_name(std::string_view text, std::uint64_t longest_bytes);

/// What part `number` (from 1) of `count` is called: STEM-00001-of-00003.gguf.
std::string part_name(std::string_view stem, std::int64_t number, std::int64_t count);

/// Whether a key says how the files of a model are laid out: such keys are read before any other,
/// and only their writer may set them.
inline bool says_the_layout(std::string_view key) {
  return key.starts_with("split.") || key == "general.alignment";
}

}  // namespace linnet::gguf
