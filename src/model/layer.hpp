#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "model/blocks/altup.hpp"
#include "model/blocks/attention.hpp"
#include "model/blocks/compressed_attention.hpp"
#include "model/blocks/cross_attention.hpp"
#include "model/blocks/hyper_connection.hpp"
#include "model/blocks/latent_attention.hpp"
#include "model/blocks/mlp.hpp"
#include "model/blocks/moe.hpp"
#include "model/blocks/ngrams.hpp"
#include "model/blocks/per_layer_input.hpp"
#include "model/blocks/recurrent.hpp"
#include "model/blocks/residual_mix.hpp"
#include "model/stage.hpp"

namespace linnet {

/// The weights of a layer; the parts that it does not have are missing. With the residual stream x,
/// the norms of the mixer are (those of the feed-forward part likewise):
///
///     x += mixer_post_norm(mixer(mixer_norm(x)))
///     x = mixer_sum_norm(x)                           (BERT)
///     x = mixer_again_norm(x + what the mixer read)   (Jina)
struct LayerWeights {
  Norm mixer_norm, mixer_post_norm, mixer_sum_norm, mixer_again_norm;
  Norm mixer_stream_norm;  ///< EAGLE-3: of the stream; mixer_norm is of the tokens' embeddings
  /// Factors on the columns of the results of mixer and feed-forward part (layer scale), or null.
  std::unique_ptr<Buffer> mixer_scale, ffn_scale;
  AttentionWeights attention;
  LatentAttentionWeights latent;
  CompressedAttentionWeights compressed;
  Norm cross_norm;
  CrossAttentionWeights cross;
  RecurrentBlockPtr recurrent, recurrent_ffn;
  Norm ffn_norm, ffn_post_norm, ffn_sum_norm;
  Norm pass_norm;     ///< a stack's first layer: of the result of the pass before; see CyclesSpec
  Norm experts_norm;  ///< if experts read what the mixer reads, or have norms of their own
  /// MoeSpec::Input::kOwnNorms: of the router's input, and of the results of mlp and experts.
  Norm router_norm, dense_post_norm, experts_post_norm;
  MlpWeights mlp;
  MlpWeights shared;
  Linear shared_gate;  ///< to one number, through a sigmoid: the factor on `shared`
  MoeWeights moe;
  PerLayerWeights per_layer;
  AltupWeights altup;
  ResidualMixWeights mixer_mix, ffn_mix;
  HyperConnectionWeights mixer_streams, ffn_streams;
  NgramWeights ngrams;
  float output_scale = 1.0f;  ///< of the layer's result (of the embeddings: embedding_skip)
};

/// The layers of a cycle share their weights.
using LayerWeightsPtr = std::shared_ptr<const LayerWeights>;

/// Loads layer `index` of `model`; what is wrong goes to `loader`. `earlier` are the layers before
/// it: relative position biases are shared with the first one.
LayerWeights load_layer(WeightLoader& loader, const ModelSpec& model, int index,
                        std::span<const LayerWeightsPtr> earlier);

/// Floats of the workspace that the blocks of layer `index` take for each row.
std::int64_t layer_columns(const ModelSpec& model, const LayerWeights& weights, int index);
/// The same for its blocks without state, whose sizes the spec has.
std::int64_t stateless_columns(const ModelSpec& model, int index);

/// Runs layer `index` on `streams.x`, or on all streams if the model has several.
void run_layer(const Pass& pass, const LayerWeights& weights, int index, const Streams& streams);

}  // namespace linnet
