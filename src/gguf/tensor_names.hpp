#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace linnet::gguf {

/// The layer of a tensor that is called "blk.LAYER.PART": 17 for "blk.17.attn_v.weight". Nothing
/// for other names, and for numbers that are negative or beyond an int.
inline std::optional<int> layer_of(std::string_view tensor) {
  constexpr std::string_view kBlock = "blk.";
  if (!tensor.starts_with(kBlock)) return {};
  tensor.remove_prefix(kBlock.size());
  int layer = 0;
  const char* const last = tensor.data() + tensor.size();
  const auto [end, error] = std::from_chars(tensor.data(), last, layer);
  if (error != std::errc{} || layer < 0 || end == last || *end != '.') return {};
  return layer;
}

}  // namespace linnet::gguf
