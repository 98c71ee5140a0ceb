#pragma once

#include <initializer_list>
#include <string_view>

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"

namespace linnet {

/// Leaves tensors out that llama.cpp, which defines the files, does not heed in an architecture, by
/// the ends of their names; see Unused for the common ones.
void leave_out(std::initializer_list<std::string_view> endings, ModelSpec& spec);

// Sizes of recurrent mixers from `ssm.*`, `kda.*` and `wkv.*`.
ShortConvolutionSpec read_short_convolution_sizes(Hyperparameters& p, std::int64_t width,
                                                  bool centred);
MambaSpec read_mamba_sizes(Hyperparameters& p);
Mamba2Spec read_mamba2_sizes(Hyperparameters& p);
PlamoMambaSpec read_plamo_mamba_sizes(Hyperparameters& p, std::int64_t width);
DeltaNetSpec read_delta_net_sizes(Hyperparameters& p, KeySharing sharing);
KimiDeltaSpec read_kimi_delta_sizes(Hyperparameters& p);
LightningSpec read_lightning_sizes(Hyperparameters& p, const AttentionSpec& heads, int layer,
                                   int layers);
Rwkv6Spec read_rwkv6_sizes(Hyperparameters& p, std::int64_t width);
Rwkv7Spec read_rwkv7_sizes(Hyperparameters& p, std::int64_t width, int layer);

/// See KimiDeltaSpec.
struct KimiDecay {
  float bound = 0.0f;
  float rate_sign = 1.0f;
};
/// Kimi delta attention in the layers without KV heads.
void read_kimi_delta_layers(Hyperparameters& p, KimiDecay decay, ModelSpec& spec);

/// For architectures whose layers without KV heads are recurrent: true for such a layer, which then
/// has no attention. (Converters write one count of heads for all layers.)
bool drop_attention_without_keys(LayerSpec& layer);

/// Whether `layer` is recurrent in architectures that say so by `attention.recurrent_layers`, or by
/// `full_attention_interval`: all but every `interval`-th, if not given.
bool is_recurrent_layer(Hyperparameters& p, int layer, int interval = 4);

}  // namespace linnet
