#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "formats/format.hpp"
#include "synth/shape.hpp"

namespace linnet::synth {

/// Which tensor types the matrices of a model get: one for all, or a mix of types by the use of the
/// tensor, as quantisers make them.
struct TypeChoice {
  std::string name;
  const Format* most = nullptr;
  const Format* precise = nullptr;  ///< of the output head, and of some layers' values and ffn_down
};

/// The choice called `name`, any case: a tensor type, or a mix: Q4_K_M, Q5_K_M (most in Q4_K or
/// Q5_K, the sensitive ones in Q6_K). An Error lists the names that there are.
Result<TypeChoice> find_type_choice(std::string_view name);

using Progress = std::function<void(std::int64_t done_bytes, std::int64_t total_bytes)>;

/// Writes a GGUF file of `shape` with random weights and an invented vocabulary of SentencePiece's
/// kind: for speed and tests, its text means nothing. The same seed gives the same bytes. Memory
/// stays at some megabytes whatever the size of the model. An Error where a row of a tensor is no
/// whole number of blocks, or the file cannot be written.
Status write_model(const Shape& shape, const TypeChoice& types, std::uint64_t seed,
                   const std::filesystem::path& path, const Progress& progress = {});

}  // namespace linnet::synth
