#pragma once

#include "architectures/rope.hpp"
#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

// Latent attention to the keys that an indexer picks, for the families that have it.

/// An indexer with rope of its own, as metadata has it for the model.
IndexerSpec read_latent_indexer(Hyperparameters& p, WeightLoader& loader, RopeLayout layout,
                                const ModelSpec& spec);
/// Whether `layer` is one for multi-token prediction that the file has no indexer for: it attends
/// to all keys.
bool predicts_without_indexer(Hyperparameters& p, const WeightLoader& loader, int layer);
/// An indexer for `layer`, whose columns are rotated by the same angles as those of its keys.
IndexerSpec make_latent_indexer(Hyperparameters& p, IndexerSpec sizes, const ModelSpec& spec,
                                int layer);
/// Rope of which only positions are scaled, not the scores as in DeepSeek's models.
void read_unscaled_positions(Hyperparameters& p, WeightLoader& loader, ModelSpec& spec);

}  // namespace linnet
