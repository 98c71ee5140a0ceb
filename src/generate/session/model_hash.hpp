#pragma once

#include <cstdint>

#include "generate/loading/model_file.hpp"

namespace linnet {

/// What tells a model from others: a hash of all metadata and tensors of its file, and of those of
/// its adapters and control vectors with their strengths. Reads all of these files, at the speed of
/// memory where they are cached.
std::uint64_t hash_model(const ModelFile& model);

/// The same of the first bytes of each tensor only, which takes no time: two models may have the
/// same, if hardly any do.
std::uint64_t sample_model(const ModelFile& model);

}  // namespace linnet
