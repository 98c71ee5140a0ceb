#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/result.hpp"
#include "formats/type_mix.hpp"
#include "synth/shape.hpp"

namespace linnet::synth {

/// The mix called `name` (see find_type_mix), as far as weights of its types can be made. An Error
/// lists the names that there are.
Result<TypeMix> find_types(std::string_view name);

/// Told how far the work is; what gives false ends it with an Error, and nothing is left.
using Progress = std::function<bool(std::int64_t done_bytes, std::int64_t total_bytes)>;

/// Writes a GGUF file of `shape` with random weights and an invented vocabulary of SentencePiece's
/// kind: for speed and tests, its text means nothing. The same seed gives the same bytes. Memory
/// stays at some megabytes whatever the size of the model. An Error if a row of a tensor is no
/// whole number of blocks, or the file cannot be written.
Status write_model(const Shape& shape, const TypeMix& types, std::uint64_t seed,
                   const std::filesystem::path& path, const Progress& progress = {});

}  // namespace linnet::synth
