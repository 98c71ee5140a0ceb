#pragma once

#include <cstdint>
#include <span>

#include "gguf/gguf_file.hpp"
#include "gguf/lora.hpp"

namespace linnet {

/// What tells a model from others: a hash of all metadata and tensors of its file, and of those of
/// its adapters and their strengths. Reads the whole file, at the speed of memory where it is
/// cached.
std::uint64_t hash_model(const gguf::File& file, std::span<const gguf::Lora> adapters = {});

/// The same of the first bytes of each tensor only, which takes no time: two models may have the
/// same, if hardly any do.
std::uint64_t sample_model(const gguf::File& file, std::span<const gguf::Lora> adapters = {});

}  // namespace linnet
