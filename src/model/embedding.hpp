#pragma once

#include <cstdint>
#include <memory>

#include "model/blocks/adapters.hpp"
#include "model/blocks/altup.hpp"
#include "model/blocks/cycles.hpp"
#include "model/blocks/per_layer_input.hpp"
#include "model/blocks/prediction.hpp"
#include "model/stage.hpp"

namespace linnet {

/// What stands before the layers; the parts that a model does not have are missing.
struct EmbeddingWeights {
  std::shared_ptr<const Matrix> tokens;
  std::shared_ptr<const Matrix> positions;  ///< learned
  std::shared_ptr<const Matrix> types;      ///< all tokens have the first one (BERT)
  Norm norm;
  PerLayerTable per_layer;
  AltupTable altup;
  CycleWeights cycles;
  AdapterSwitch adapter_switch;
  PredictionWeights prediction;
};

/// What is wrong goes to `loader`. `shared` is the table of token embeddings where it is in memory
/// already.
EmbeddingWeights load_embedding(WeightLoader& loader, const ModelSpec& model,
                                std::shared_ptr<const Matrix> shared = nullptr);

/// What the first layer reads of the pass's tokens, [rows, width] in the workspace, with the given
/// rows in their places.
View embed(const Pass& pass, const EmbeddingWeights& weights);

/// embed() into `streams.x`, and what layers have besides; Streams::shared is left alone.
void begin_streams(Pass pass, const EmbeddingWeights& weights, Streams& streams);

/// Adds to the result `x` of layer `index` what the given rows have for it
/// (ModelSpec::deepstack_layers).
void add_given_rows(const Pass& pass, int index, View x);

}  // namespace linnet
