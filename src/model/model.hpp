#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "model/embedding.hpp"
#include "model/given_rows.hpp"
#include "model/head.hpp"
#include "model/layer.hpp"
#include "model/model_spec.hpp"
#include "model/stage.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// The rows of one forward pass: prompt chunks and single tokens of any number of sequences side by
/// side. `layout` says where each row stands; `outputs` are the rows whose logits are wanted.
///
/// Where the model has an input (ModelSpec::input), a sequence is its input and the text after it:
/// its first `inputs[sequence]` positions, all in one batch, are the input, of which there are no
/// logits.
struct Batch {
  std::span<const TokenId> tokens;
  BatchLayout layout;
  std::span<const std::int32_t> outputs;
  bool keeps_hidden = false;  ///< Model::hidden() is wanted afterwards
  std::span<const std::int32_t> inputs = {};
  std::span<const GivenRows> given = {};  ///< in the order of their rows
  /// [components][rows]: M-RoPE position ids, which are places in a picture or positions, for
  /// AttentionSpec::placed_ropes. Empty: all components are the position.
  std::span<const std::int32_t> places = {};
  /// For layers whose rows see a window of their sequence only (AttentionSpec::in_windows):
  /// `layout` with each window as a sequence of its own.
  const BatchLayout* windows = nullptr;
  /// Rows whose states may have to go back: see Model::redo(). At most trial_rows() in all.
  std::span<const TrialRows> trials = {};
  /// [rows][adapters]: how much of each adapter that the loader had (WeightLoader::adapt) is added
  /// at each row. Empty: nothing of any.
  std::span<const float> adapter_strengths = {};
};

/// Most rows of a batch, and most of them whose logits can be asked for at once.
struct BatchLimits {
  std::int64_t rows = 512;
  std::int64_t outputs = 32;
};

/// The recurrent state that the layers of `spec` keep; those outside `layers` count as keeping
/// none.
StateShape state_shape(const ModelSpec& spec, std::int64_t slots, LayerRange layers = {});

/// The layers that one backend computes: those before `end` that no earlier place has.
struct LayerPlace {
  Backend* backend;
  int end = std::numeric_limits<int>::max();
};

/// What a model shares with one that guesses for it, in one backend's memory; null: not shared.
struct SharedTables {
  std::shared_ptr<const Matrix> tokens;
  std::shared_ptr<const Linear> output;  ///< the projection to the logits
  std::int64_t adapters = 0;             ///< that batches have strengths of, if it has any
};

/// A transformer in the memory of a backend, or of several, each of which has some layers. One
/// thread at a time may call forward().
class Model {
 public:
  /// Loads the tensors of `loader`'s file as `spec` says. What stands before the layers goes to the
  /// first place, what comes after them to the last one, which has the results, too. Places may
  /// only meet where can_part() says so. The backends must outlive the model.
  static Result<std::unique_ptr<Model>> load(ModelSpec spec, WeightLoader& loader,
                                             std::span<const LayerPlace> places,
                                             const BatchLimits& limits,
                                             const SharedTables& shared = {});
  /// All in one backend.
  static Result<std::unique_ptr<Model>> load(ModelSpec spec, WeightLoader& loader, Backend& backend,
                                             const BatchLimits& limits) {
    const LayerPlace place{&backend};
    return load(std::move(spec), loader, {&place, 1}, limits);
  }

  /// The tables of this model that are in the memory of `backend`.
  SharedTables tables_in(const Backend& backend) const;

  const ModelSpec& spec() const { return spec_; }
  const BatchLimits& limits() const { return limits_; }
  /// Batch::adapter_strengths of each row; 0: the model has no use for any.
  std::int64_t adapters() const { return adapters_; }

  /// The keys and values that this model keeps.
  KvShape kv_shape(KvType type, std::int64_t pages) const;
  /// The recurrent state that this model keeps; no layer keeps any in a model of attention alone.
  StateShape state_shape(std::int64_t slots) const;

  /// Memory for them where the layers are. If one backend has all layers, what it makes of
  /// kv_shape() and state_shape() will do, too.
  Result<std::unique_ptr<KvStore>> make_kv_store(KvType type, std::int64_t pages) const;
  Result<std::unique_ptr<StateStore>> make_state_store(std::int64_t slots) const;

  /// Evaluates `batch` (within limits(), ids below the vocabulary, positions with pages), stores
  /// its keys and values in `kv` and moves the states of its sequences on; `states` may be null if
  /// the model keeps none. Returns the logits [outputs, logit_columns()] in the backend's memory
  /// (an encoder has none and takes no outputs); they stay until the next call.
  View forward(const Batch& batch, KvStore& kv, StateStore* states = nullptr);

  /// The same layer by layer, if the model has no input, so that others may use the backends in
  /// between. What begin_forward() is given, and all that `batch` points to, is used by
  /// advance_forward() and end_forward(). A pass that is not ended is forgotten by the next one.
  void begin_forward(const Batch& batch, KvStore& kv, StateStore* states = nullptr);
  /// Computes the next layer; false if there was none left.
  bool advance_forward();
  View end_forward();

  /// Rows of a batch that can be on trial, once allow_trials() was called and if the model keeps
  /// recurrent state; else 0.
  std::int64_t trial_rows() const { return trial_rows_; }
  /// Allocates memory for them: see trial_bytes().
  Status allow_trials();
  /// Advances states by `rows`, which were on trial in the latest forward().
  void redo(std::span<const RedoneRows> rows, StateStore& states);

  /// After a forward() of a batch that keeps them: the hidden states of all its rows (if the
  /// model has an input: of the rows of inputs; the others' are undefined) after the last norm
  /// (and the projections that some files have for embeddings), [rows, hidden_columns()] in the
  /// backend's memory; they stay until the next call. Of models that guess for another one
  /// (PredictionSpec) they are what the next token is given, in a width of the target's where
  /// they read its keys.
  View hidden() const { return hidden_; }
  /// After a forward(): the result of the layer ModelSpec::kept_layers[index], for all rows
  /// [rows, result_columns()] in the memory of the backend that has this layer; they stay until the
  /// next call.
  View kept(std::size_t index) const { return kept_[index]; }

  /// For models of PredictionSpec::Kind::kBeside in one place: fuses results of the target_layers,
  /// each [rows, target_width] in the same backend's memory, to [rows, width] there, valid until
  /// the next call. At most limits().rows rows.
  View fuse(std::span<const View> results);
  /// For Kind::kBlock: stores in `kv` the keys and values that each layer makes of such results,
  /// for the rows of `batch`, whose tokens do not count. Without results they count as 0.
  void read_results(std::span<const View> results, const Batch& batch, KvStore& kv);
  /// For models with chain_columns: adds the influence of the token before each guess to logits of
  /// the latest forward(), [std::ssize(before), logit_columns()].
  void add_chain(std::span<const TokenId> before, View logits);

  /// The first error that operations of any of the backends met: see Backend::status().
  Status status() const;

 private:
  /// A forward pass that is under way.
  struct Progress {
    Batch batch;
    KvStore& kv;
    StateStore* states;
    Streams streams;
    std::size_t stage = 0;
    int next_layer = 0;
  };

  Model(ModelSpec spec, std::span<const LayerPlace> places, const BatchLimits& limits);

  void load_weights(WeightLoader& loader, const SharedTables& shared);
  LayerWeightsPtr load_or_share(WeightLoader& loader, const Stage& stage, int index) const;
  Status allocate_workspace(const WeightLoader& loader);
  Pass pass_of(std::size_t stage, const Batch& batch, KvStore& kv, StateStore* states,
               const Streams& streams);
  StateStore& states_of(std::size_t stage, StateStore& states) const;
  Pass current_pass();
  View upload_strengths(const Batch& batch);
  void enter_next_stage();
  void keep_result(const Pass& pass, int index, const Streams& streams);
  View read_and_write(const Batch& batch, KvStore& kv);
  View read_inputs(const Batch& batch, KvStore& kv);
  View write(const Batch& batch, KvStore& kv);

  ModelSpec spec_;
  BatchLimits limits_;
  std::vector<Stage> stages_;  ///< one after the other; at least one
  EmbeddingWeights embedding_;
  std::vector<LayerWeightsPtr> layers_;
  /// [width] for each layer, added to its result; null if none is.
  std::vector<std::unique_ptr<Buffer>> directions_;
  Norm input_norm_;  ///< after the layers that read the input
  HeadWeights head_;
  std::optional<Progress> progress_;
  std::vector<float> handed_over_;  ///< from stage to stage; a member so that it keeps its memory
  View hidden_{};
  std::vector<View> kept_;
  std::int64_t trial_rows_ = 0;
  std::int64_t adapters_ = 0;
};

/// Whether `layer` and those after it can be in another memory than those before it: they read no
/// keys that an earlier layer has stored or picked, and no table that stands before the layers or
/// belongs to the first one.
bool can_part(const ModelSpec& spec, int layer);

/// Bytes of the recurrent state of one sequence in `layers`; 0 for models of attention alone.
std::int64_t state_bytes(const ModelSpec& spec, LayerRange layers = {});

/// Approximate bytes that a row of a batch takes while it is computed, in a model that keeps no
/// recurrent state.
std::int64_t row_bytes(const ModelSpec& spec);

/// Bytes of the workspace of a model that keeps no recurrent state, has no adapters and is in one
/// place.
std::int64_t workspace_bytes(const ModelSpec& spec, const BatchLimits& limits);

/// Bytes that Model::allow_trials() takes for `layers`, of a model with such limits.
std::int64_t trial_bytes(const ModelSpec& spec, const BatchLimits& limits, LayerRange layers = {});

/// Bytes that the keys and values of one token take in `layers`.
std::int64_t kv_bytes_per_token(const ModelSpec& spec, KvType type, LayerRange layers = {});

}  // namespace linnet
