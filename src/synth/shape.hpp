#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace linnet::synth {

/// The norm of queries and keys: none, or one for each head.
enum class HeadNorms { kNone, kEachHead, kAllHeads };

/// The sizes of a model, as its publisher gives them.
struct Shape {
  std::string_view name;
  std::string_view architecture;  ///< general.architecture
  int layers;
  std::int64_t width;
  int heads;
  int kv_heads;
  std::int64_t head_width;
  std::int64_t ffn_width;  ///< of one expert, if there are experts
  std::int64_t vocabulary;
  std::int64_t context;
  double rope_base;
  bool tied_output;  ///< the embedding is the output head too
  HeadNorms head_norms = HeadNorms::kNone;
  int experts = 0;
  int experts_used = 0;
};

/// Every shape that can be made; the tiny ones are for tests.
std::span<const Shape> all_shapes();

/// The shape called `name`, or null.
const Shape* find_shape(std::string_view name);

}  // namespace linnet::synth
