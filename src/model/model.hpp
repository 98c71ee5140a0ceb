#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/blocks/adapters.hpp"
#include "model/blocks/altup.hpp"
#include "model/blocks/attention.hpp"
#include "model/blocks/cross_attention.hpp"
#include "model/blocks/latent_attention.hpp"
#include "model/blocks/mlp.hpp"
#include "model/blocks/moe.hpp"
#include "model/blocks/per_layer_input.hpp"
#include "model/blocks/recurrent.hpp"
#include "model/blocks/residual_mix.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// The rows of one forward pass: prompt chunks and single tokens of any number of sequences side by
/// side. `layout` says where each row stands; `outputs` are the rows whose logits are wanted.
///
/// Where the model has an input (ModelSpec::input), a sequence is its input and the text behind it:
/// its first `inputs[sequence]` positions, all in one batch, are the input, of which there are no
/// logits.
struct Batch {
  std::span<const std::int32_t> tokens;
  BatchLayout layout;
  std::span<const std::int32_t> outputs;
  bool keeps_hidden = false;  ///< Model::hidden() is wanted afterwards
  std::span<const std::int32_t> inputs = {};
};

/// Most rows of a batch, and most of them whose logits can be asked for at once.
struct BatchLimits {
  std::int64_t rows = 512;
  std::int64_t outputs = 32;
};

/// The recurrent state that the layers of `spec` keep.
StateShape state_shape(const ModelSpec& spec, std::int64_t slots);

/// A transformer in a backend's memory. One thread at a time may call forward().
class Model {
 public:
  /// Loads the tensors of `file` as `spec` says. The backend must outlive the model, the file need
  /// not.
  static Result<std::unique_ptr<Model>> load(ModelSpec spec, WeightLoader& loader, Backend& backend,
                                             const BatchLimits& limits);

  const ModelSpec& spec() const { return spec_; }
  const BatchLimits& limits() const { return limits_; }

  /// The keys and values that this model keeps.
  KvShape kv_shape(KvType type, std::int64_t pages) const;

  /// The recurrent state that this model keeps; no layer keeps any in a model of attention alone.
  StateShape state_shape(std::int64_t slots) const;

  /// Evaluates `batch` (within limits(), ids below the vocabulary, positions with pages), stores
  /// its keys and values in `kv` and moves the states of its sequences on; `states` may be null
  /// where the model keeps none. Gives the logits [outputs, vocabulary] in the backend's memory
  /// (an encoder has none and takes no outputs); they stay until the next call.
  View forward(const Batch& batch, KvStore& kv, StateStore* states = nullptr);

  /// After a forward() of a batch that keeps them: the hidden states of all its rows (where the
  /// model has an input: of the rows of inputs; the others' are undefined) behind the last norm
  /// (and the projections that some files have for embeddings), [rows, width] in the backend's
  /// memory; they stay until the next call.
  View hidden() const { return hidden_; }

 private:
  struct Layer {
    Norm mixer_norm, mixer_post_norm, mixer_sum_norm, mixer_again_norm;
    AttentionWeights attention;
    LatentAttentionWeights latent;
    Norm cross_norm;
    CrossAttentionWeights cross;
    RecurrentBlockPtr recurrent, recurrent_ffn;
    Norm ffn_norm, ffn_post_norm, ffn_sum_norm;
    Norm experts_norm;  ///< of experts that read what the mixer reads
    MlpWeights mlp;
    MlpWeights shared;
    Linear shared_gate;  ///< to one number, through a sigmoid
    MoeWeights moe;
    PerLayerWeights per_layer;
    AltupWeights altup;
    ResidualMixWeights mixer_mix, ffn_mix;
    float output_scale = 1.0f;  ///< of the layer's result (of the embeddings: embedding_skip)
  };
  /// What the feed-forward part of a layer reads.
  struct FfnInput {
    View dense;
    View router;
    View experts;
  };

  Model(ModelSpec spec, Backend& backend, const BatchLimits& limits)
      : spec_(std::move(spec)), backend_(backend), limits_(limits) {}

  void load_layer(WeightLoader& loader, int index);
  void load_ffn(WeightLoader& loader, const LayerSpec& spec, const std::string& prefix,
                Layer& layer);
  Status allocate_workspace();
  View embed(const Batch& batch);
  View read_and_write(const Batch& batch, KvStore& kv);
  View read_inputs(const Batch& batch, KvStore& kv);
  View write(const Batch& batch, KvStore& kv);
  View normalise(const Norm& norm, NormUse use, View in);
  void normalise_in_place(const Norm& norm, View x);
  void run_altup_layer(const Pass& pass, int index, View per_layer_inputs,
                       const std::vector<View>& streams);
  View per_layer_input(View all, int index) const;
  void run_mixing_layers(const Pass& pass, View x);
  void run_layer(const Pass& pass, int index, View embeddings, View per_layer_inputs, View x);
  FfnInput read_before_mixer(const Layer& layer, const LayerSpec& spec, View x);
  void restart_residual(View block_in, View x);
  void normalise_mixer_sum(const Layer& layer, View mixer_in, View x);
  void run_mixer(const Pass& pass, int index, View in, View out, bool accumulate);
  void run_ffn(const Pass& pass, int index, const FfnInput& in, View out, bool accumulate);
  void run_shared(const Pass& pass, int index, View in, View out);
  View head(View x, std::span<const std::int32_t> outputs);
  void keep_hidden(View x);

  ModelSpec spec_;
  Backend& backend_;
  BatchLimits limits_;
  std::shared_ptr<const Matrix> embedding_;
  std::shared_ptr<const Matrix> positions_;  ///< learned embeddings of the positions
  std::shared_ptr<const Matrix> types_;      ///< of which all tokens have the first (BERT)
  Norm embedding_norm_;
  PerLayerTable per_layer_;
  AltupTable altup_;
  ResidualMixWeights output_mix_;
  AdapterSwitch adapter_switch_;
  Linear output_;
  Norm input_norm_;  ///< behind the layers that read the input
  Norm output_norm_;
  Linear dense_up_, dense_down_;  ///< behind the hidden states (EmbeddingGemma), may be missing
  std::vector<Layer> layers_;
  std::unique_ptr<Workspace> workspace_;
  View hidden_{};
};

/// Bytes of the recurrent state of one sequence; 0 for models of attention alone.
std::int64_t state_bytes(const ModelSpec& spec);

/// Bytes that the keys and values of one token take in all layers.
std::int64_t kv_bytes_per_token(const ModelSpec& spec, KvType type);

}  // namespace linnet
