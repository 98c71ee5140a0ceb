#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// The embeddings that every layer has of its own, mixed with a projection of the common one
/// (Gemma 3n).
struct PerLayerTable {
  std::shared_ptr<const Matrix> embedding;  ///< [layers * per_layer_width] columns
  Linear projection;
  Norm norm;
};

/// How a layer takes its input in.
struct PerLayerWeights {
  Linear gate, projection;
  Norm norm;
};

/// Loads per_layer_token_embd and so on, or `prefix`.inp_gate and so on; nothing if layers have
/// no embeddings of their own.
PerLayerTable load_per_layer_table(WeightLoader& loader, const ModelSpec& spec);
PerLayerWeights load_per_layer(WeightLoader& loader, const ModelSpec& spec,
                               const std::string& prefix);

/// out [rows, layers * per_layer_width] from the tokens and their common embeddings x.
void make_per_layer_inputs(const Pass& pass, const PerLayerTable& table, View x, View out);

/// out = norm(projection(gelu(gate(in)) * input)); in, out [rows, width].
void per_layer_block(const Pass& pass, const PerLayerWeights& weights, View input, View in,
                     View out);

}  // namespace linnet
