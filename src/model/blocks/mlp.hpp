#pragma once

#include <string_view>

#include "model/blocks/adapters.hpp"
#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// down(activation(gate(x)) * up(x)), or down(activation(up(x))) if there is no gate
/// (https://arxiv.org/abs/2002.05202).
struct MlpWeights {
  Linear gate, up, down;
  Linear gate_and_up;                   ///< both in one, gate first, instead of the two
  Norm inner_norm;                      ///< of what goes into `down`
  std::unique_ptr<Buffer> inner_scale;  ///< factors on what goes into `down`
  AdapterWeights gate_adapter, up_adapter, down_adapter;
};

/// Loads `prefix`.ffn_gate`suffix` and so on. A missing gate is no error.
MlpWeights load_mlp(WeightLoader& loader, const MlpSpec& spec, const ModelSpec& model,
                    const std::string& prefix, std::string_view suffix = "");

/// Floats that mlp_block takes of the workspace for each row.
std::int64_t mlp_columns(const MlpSpec& spec, const ModelSpec& model);

/// out += mlp(in), or out = that if `accumulate` is false. in, out: [rows, width].
void mlp_block(const Pass& pass, const MlpSpec& spec, const MlpWeights& weights, View in, View out,
               bool accumulate);

}  // namespace linnet
