#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "architectures/rope.hpp"
#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Keeps an error if the file lacks one of `keys`, without which the model would be computed
/// wrongly and nothing else would tell.
void require_keys(Hyperparameters& p, std::initializer_list<std::string_view> keys);

/// "blk.LAYER.PART", as tensors of a layer are called.
std::string block_name(std::int64_t layer, std::string_view part);

/// Rows of the tensor `stem`.weight, which must be there: see WeightLoader::rows.
std::int64_t required_rows(Hyperparameters& p, const WeightLoader& loader, const std::string& stem);

/// How many of the file's `block_count` layers are the model's own; those after them are for
/// multi-token prediction.
int own_layers(Hyperparameters& p);

/// Layers for multi-token prediction read the output of the model's last layer, before the last
/// norm, instead of what comes after that.
void predict_before_last_norm(Hyperparameters& p, ModelSpec& spec);

/// Whether every layer has tensors of its own, so that a file has more tensors than layers.
enum class LayerTensors { kOwn, kShared };

/// What nearly all architectures have in common: sizes, context, norm epsilon (RMS or layer norm,
/// whichever key is there), and for each layer heads, widths, dense or expert feed-forward. A layer
/// has experts if it has a router. Rope is left out.
ModelSpec read_common(Hyperparameters& p, const WeightLoader& loader,
                      LayerTensors tensors = LayerTensors::kOwn);

/// The heads and the width of an indexer, and how many keys it picks.
IndexerSpec read_indexer_sizes(Hyperparameters& p);

/// How layers with and without sliding window take turns, if the file does not say so.
struct SlidingPattern {
  int period = 1;           ///< every `period`-th layer is full; 0: no layer is
  bool full_first = false;  ///< the first of a period, else its last
  int window = 0;           ///< 0: all layers are full if the file has no window
};

/// Marks the layers that see a window of `attention.sliding_window` tokens only, as
/// `attention.sliding_window_pattern` (a period, or one value for each layer) or `pattern` says.
void read_sliding_window(Hyperparameters& p, SlidingPattern pattern, ModelSpec& spec);

/// Calls `change` on every layer's part.
void each_attention(ModelSpec& spec, const std::function<void(AttentionSpec&)>& change);
void each_moe(ModelSpec& spec, const std::function<void(MoeSpec&)>& change);
void each_gate(ModelSpec& spec, const std::function<void(GateSpec&)>& change);

/// GateSpec::clamp of each layer's experts and of what it has besides or instead of them, from
/// `swiglu_clamp_exp` and `swiglu_clamp_shexp`.
void read_gate_clamps(Hyperparameters& p, ModelSpec& spec);
/// Layer norms, whatever other epsilon the file has: converters write one of a config's `norm_eps`
/// as that of RMS norms.
void use_layer_norms(Hyperparameters& p, ModelSpec& spec);
/// All tokens see each other, and the result is the hidden states.
void make_encoder(ModelSpec& spec);
/// The weights of the used experts sum to one.
void normalise_expert_weights(ModelSpec& spec);
/// Leaves out the dense part that some files keep in layers whose experts replace it.
void ignore_unused_dense(ModelSpec& spec);
/// How experts are gated if the file does not say so.
void default_gate(Hyperparameters& p, GateFunction gate, ModelSpec& spec);
/// `attention.temperature_scale` and `_length`.
QueryTemperature read_temperature(Hyperparameters& p);
/// The activation of all feed-forward parts.
void set_activation(ModelSpec& spec, Activation activation);
/// Multi-head latent attention as DeepSeek-V2 writes it, instead of read_common()'s attention.
void read_latent_attention(Hyperparameters& p, WeightLoader& loader, RopeLayout layout,
                           ModelSpec& spec);

}  // namespace linnet
