#pragma once

#include <cstdint>

#include "gguf/gguf_writer.hpp"

namespace linnet::synth {

/// Adds an invented vocabulary of `size` (at least 259) tokens: unknown, BOS, EOS, the 256 bytes,
/// then pieces of one, two, three... letters, each with and without a leading space, so that every
/// longer piece can be merged from shorter ones.
void add_vocabulary(std::int64_t size, gguf::Writer& writer);

}  // namespace linnet::synth
