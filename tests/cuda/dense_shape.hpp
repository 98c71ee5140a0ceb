#pragma once

#include "synth/shape.hpp"

namespace linnet::test {

/// The shape of llama-3.1-8b, smaller.
inline constexpr synth::Shape kDense{.name = "dense",
                                     .architecture = "llama",
                                     .layers = 2,
                                     .width = 256,
                                     .heads = 4,
                                     .kv_heads = 2,
                                     .head_width = 64,
                                     .ffn_width = 256,
                                     .vocabulary = 320,
                                     .context = 4096,
                                     .rope_base = 10000.0,
                                     .tied_output = false};

}  // namespace linnet::test
