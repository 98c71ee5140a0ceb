#pragma once

#include <string>
#include <string_view>

#include "formats/format.hpp"

namespace linnet {

/// Which tensor types the matrices of a model get: one for all, or a mix by the use of the tensor.
struct TypeMix {
  std::string_view name;
  const Format* most = nullptr;       ///< null: there is no mix of that name
  const Format* sensitive = nullptr;  ///< of some layers' values and ffn_down
  const Format* head = nullptr;       ///< of the output head
  std::int64_t file_type = 0;         ///< general.file_type of GGUF, which older tools show
};

/// The mix called `name`, any case: a tensor type for all tensors, or one of mix_names().
TypeMix find_type_mix(std::string_view name);

/// Those that are no tensor types: "Q2_K_M, Q3_K_S, ...".
std::string mix_names();

/// Whether the values and ffn_down of a layer are worth more bits: in the first and the last eighth
/// of the layers, and in every third of those between.
bool is_sensitive_layer(int layer, int layers);

}  // namespace linnet
