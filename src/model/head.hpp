#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "model/blocks/altup.hpp"
#include "model/blocks/hyper_connection.hpp"
#include "model/blocks/residual_mix.hpp"
#include "model/stage.hpp"

namespace linnet {

/// What comes after the layers; the parts that a model does not have are missing.
struct HeadWeights {
  ResidualMixWeights mix;
  HyperConnectionWeights streams;
  AltupTable altup;
  Norm norm;
  Linear dense_up, dense_down;  ///< after the hidden states (EmbeddingGemma; LFM2: the first)
  Linear to_target;             ///< of hidden states: see load_target_projection()
  std::shared_ptr<const Linear> output;  ///< to the logits; an encoder has none
  bool is_tied = false;                  ///< `output` is the table of tokens
};

/// What is wrong goes to `loader`. If the file has no projection to the logits it is `embedding`,
/// or that once more if it is null, being elsewhere. `output` is the projection where it is in
/// memory already.
HeadWeights load_head(WeightLoader& loader, const ModelSpec& model,
                      std::shared_ptr<const Matrix> embedding,
                      std::shared_ptr<const Linear> output = nullptr);

/// Whether load_head() reads a tensor of this name, if the model has it: for plans of where weights
/// go. Its norm, which is small, and a table of tokens that is the projection, too, are left out.
bool is_head_tensor(std::string_view name);

/// Puts what the layers made of several streams into `streams.x`; if there is one it is there.
void end_streams(const Pass& pass, const HeadWeights& weights, const Streams& streams);

/// The logits of the rows `outputs` of `x`, [outputs, vocabulary] in the workspace; an encoder has
/// none.
View compute_logits(const Pass& pass, const HeadWeights& weights, View x,
                    std::span<const std::int32_t> outputs);

/// The hidden states that streams.x [rows, width] becomes, in its place or in the workspace: see
/// Model::hidden().
View finish_hidden(const Pass& pass, const HeadWeights& weights, const Streams& streams);

}  // namespace linnet
