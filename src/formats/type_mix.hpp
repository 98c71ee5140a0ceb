#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "formats/format.hpp"

namespace linnet {

/// What a matrix is for, as far as mixes tell matrices apart.
enum class MatrixUse {
  kOther,
  kEmbedding,
  kHead,  ///< an embedding that is the head as well, too
  kQueries,
  kKeys,
  kValues,  ///< alone, or with queries and keys in one matrix
  kAttentionOutput,
  kUp,  ///< of feed-forward networks, and their gates
  kDown,
};

/// A matrix in its model.
struct MatrixPlace {
  MatrixUse use = MatrixUse::kOther;
  int layer = 0, layers = 0;    ///< which of how many; of values: which matrix of values
  int experts = 0;              ///< of the model
  bool values_are_few = false;  ///< queries are four times as wide or more
  bool is_of_experts = false;   ///< of several
};

struct MixRule;

/// Which tensor types the matrices of a model get: one for all, or a mix by their uses.
struct TypeMix {
  std::string_view name;
  const Format* most = nullptr;         ///< null: there is no mix of that name
  std::span<const MixRule> rules = {};  ///< for matrices that get another type than most
  std::int64_t file_type = 0;           ///< general.file_type of GGUF, which older tools show

  const Format* type_of(const MatrixPlace& place) const;
};

/// The mix called `name`, any case: a tensor type for all tensors, or one of mix_names().
TypeMix find_type_mix(std::string_view name);

/// The same for weights that are quantised: with a type of few bits the output head has more, and
/// the coarsest types (IQ1_S, ...) are the mixes that llama.cpp calls so.
TypeMix find_quantised_mix(std::string_view name);

/// Those that are no tensor types: "Q2_K_S, Q2_K_M, ...".
std::string mix_names();

/// Whether the values and ffn_down of a layer are worth more bits: in the first and the last eighth
/// of the layers, and in every third of those between.
bool is_sensitive_layer(int layer, int layers);

}  // namespace linnet
