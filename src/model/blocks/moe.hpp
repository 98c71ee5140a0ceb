#pragma once

#include <vector>

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Experts of one size, of whose parts a missing one takes no part.
struct ExpertWeights {
  Linear gate, up, down;  ///< of all experts
  Linear gate_and_up;     ///< both in one, gate first, instead of the two
};

/// A mixture of experts: each row goes through the few experts that its router picks
/// (https://arxiv.org/abs/2401.04088).
struct MoeWeights {
  Linear router;
  std::unique_ptr<Buffer> selection_bias;  ///< [experts], see RouteParams
  std::vector<std::int32_t> table;         ///< [tokens][used]: the experts of each token
  ExpertWeights experts;
  Linear latent_down, latent_up;  ///< before and after the experts
  Norm latent_norm;               ///< of the sum of the experts
  ExpertWeights adjugates;        ///< of which the experts of a group share one
};

/// Loads `prefix`.ffn_gate_inp, `prefix`.ffn_gate_exps and so on.
MoeWeights load_moe(WeightLoader& loader, const MoeSpec& spec, std::int64_t width,
                    const std::string& prefix);

/// Floats that moe_block takes of the workspace for each row.
std::int64_t moe_columns(const MoeSpec& spec, std::int64_t width);

/// out += moe(in), the experts picked by what the router makes of `router_in`. All [rows, width].
void moe_block(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights, View router_in,
               View in, View out);

}  // namespace linnet
