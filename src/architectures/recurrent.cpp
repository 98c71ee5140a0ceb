#include "architectures/recurrent.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "architectures/common.hpp"

namespace linnet {
namespace {

// Two of heads and a state's columns multiply where Hyperparameters::kWidestHead would be too much.
constexpr int kWidest = Hyperparameters::kWidest;
constexpr int kWidestHead = 1 << 10;
constexpr int kMostHeads = 1 << 10;
constexpr int kLongestKernel = 64;

int read_kernel(Hyperparameters& p, std::string_view key = "ssm.conv_kernel") {
  const int kernel = p.required_count(key, kLongestKernel);
  if (kernel < 2) {
    p.fail(fmt::format("metadata key {}.{} is {}, expected 2 to {}", p.architecture(), key, kernel,
                       kLongestKernel));
  }
  return std::max(kernel, 2);
}

// A number that metadata has, and the key that it stands under.
struct Known {
  std::string_view key;
  int value;
};

// The number under `key`, or 1 with an error if it does not divide `whole`.
int divisor(Hyperparameters& p, std::string_view key, std::int64_t most, Known whole) {
  const int part = p.required_count(key, most);
  if (whole.value % part == 0) return part;
  p.fail(fmt::format("metadata key {0}.{1} is {2}, expected a divisor of the {3} in {0}.{4}",
                     p.architecture(), key, part, whole.value, whole.key));
  return 1;
}

}  // namespace

void leave_out(std::initializer_list<std::string_view> endings, ModelSpec& spec) {
  for (const std::string_view ending : endings) {
    spec.unused_tensors.push_back(fmt::format("*{}", ending));
  }
}

ShortConvolutionSpec read_short_convolution_sizes(Hyperparameters& p, std::int64_t width,
                                                  bool centred) {
  constexpr std::string_view kKey = "shortconv.l_cache";
  const ShortConvolutionSpec spec{static_cast<int>(width), read_kernel(p, kKey), centred};
  if (centred && spec.kernel % 2 == 0) {
    p.fail(
        fmt::format("metadata key {0}.{1} is {2}, expected an odd number where "
                    "{0}.attention.causal is false",
                    p.architecture(), kKey, spec.kernel));
  }
  return spec;
}

MambaSpec read_mamba_sizes(Hyperparameters& p) {
  MambaSpec spec;
  spec.inner = p.required_count("ssm.inner_size", kWidest);
  spec.state_width = p.required_count("ssm.state_size", kWidestHead);
  spec.kernel = read_kernel(p);
  spec.step_rank = p.required_count("ssm.time_step_rank", kWidest);
  spec.bare_norms = p.boolean("ssm.dt_b_c_rms", false);
  return spec;
}

Mamba2Spec read_mamba2_sizes(Hyperparameters& p) {
  Mamba2Spec spec;
  spec.inner = p.required_count("ssm.inner_size", kWidest);
  spec.heads = divisor(p, "ssm.time_step_rank", kMostHeads, {"ssm.inner_size", spec.inner});
  spec.groups = divisor(p, "ssm.group_count", kMostHeads, {"ssm.time_step_rank", spec.heads});
  spec.state_width = p.required_count("ssm.state_size", kWidestHead);
  spec.kernel = read_kernel(p);
  return spec;
}

PlamoMambaSpec read_plamo_mamba_sizes(Hyperparameters& p, std::int64_t width) {
  PlamoMambaSpec spec;
  spec.inner = p.required_count("ssm.inner_size", kWidest);
  spec.heads = divisor(p, "ssm.time_step_rank", kMostHeads, {"ssm.inner_size", spec.inner});
  spec.state_width = p.required_count("ssm.state_size", kWidestHead);
  spec.kernel = read_kernel(p);
  spec.step_width = static_cast<int>(std::max<std::int64_t>(64, width / 16));
  return spec;
}

DeltaNetSpec read_delta_net_sizes(Hyperparameters& p, KeySharing sharing) {
  DeltaNetSpec spec;
  spec.heads = p.required_count("ssm.time_step_rank", kMostHeads);
  spec.key_heads = divisor(p, "ssm.group_count", kMostHeads, {"ssm.time_step_rank", spec.heads});
  spec.key_width = p.required_count("ssm.state_size", kWidestHead);
  const int inner = p.required_count("ssm.inner_size", kWidest);
  spec.value_width =
      inner / divisor(p, "ssm.time_step_rank", kMostHeads, {"ssm.inner_size", inner});
  spec.kernel = read_kernel(p);
  spec.sharing = sharing;
  return spec;
}

KimiDeltaSpec read_kimi_delta_sizes(Hyperparameters& p) {
  KimiDeltaSpec spec;
  // If there is one count for each layer, recurrent layers have 0 and the first one counts.
  spec.heads = std::clamp(p.layer_count("attention.head_count", 0, 1), 1, kMostHeads);
  spec.head_width = p.required_count("kda.head_dim", kWidestHead);
  spec.kernel = read_kernel(p);
  return spec;
}

void read_kimi_delta_layers(Hyperparameters& p, KimiDecay decay, ModelSpec& spec) {
  const int own = std::min(own_layers(p), static_cast<int>(std::ssize(spec.layers)));
  for (int i = 0; i < own; ++i) {
    if (p.layer_count("attention.head_count_kv", i, 1) > 0) continue;
    KimiDeltaSpec sizes = read_kimi_delta_sizes(p);
    sizes.bound = decay.bound;
    sizes.rate_sign = decay.rate_sign;
    spec.layers[i].attention = {};
    spec.layers[i].recurrent = sizes;
    spec.unused_tensors.push_back(block_name(i, "attn_output.scale"));
  }
}

// `heads` are those that the layer would have as attention; later layers remember longer.
LightningSpec read_lightning_sizes(Hyperparameters& p, const AttentionSpec& heads, int layer,
                                   int layers) {
  LightningSpec spec{heads.heads, heads.key_width};
  if (spec.heads < 1 || spec.heads > kMostHeads || spec.head_width > kWidestHead ||
      heads.value_width != heads.key_width) {
    p.fail(fmt::format(
        "layer {} has {} heads (attention.head_count) with keys of {} columns "
        "(attention.key_length) and values of {} (attention.value_length), expected 1 to {} heads "
        "with as many columns in both, up to {}",
        layer, spec.heads, spec.head_width, heads.value_width, kMostHeads, kWidestHead));
    return {1, 1};
  }
  const float depth =
      layers > 1 ? static_cast<float>(layer) / static_cast<float>(layers - 1) : 0.0f;
  spec.slope_scale = 1.0f - depth + 1e-5f;
  return spec;
}

Rwkv6Spec read_rwkv6_sizes(Hyperparameters& p, std::int64_t width) {
  Rwkv6Spec spec;
  spec.columns = static_cast<int>(width);
  spec.head_width = divisor(p, "wkv.head_size", kWidestHead, {"embedding_length", spec.columns});
  spec.kv_heads = spec.columns / spec.head_width;
  spec.mix_rank = p.required_count("time_mix_extra_dim", kWidest);
  spec.decay_rank = p.required_count("time_decay_extra_dim", kWidest);
  return spec;
}

Rwkv7Spec read_rwkv7_sizes(Hyperparameters& p, std::int64_t width, int layer) {
  Rwkv7Spec spec;
  spec.columns = static_cast<int>(width);
  spec.head_width = divisor(p, "wkv.head_size", kWidestHead, {"embedding_length", spec.columns});
  spec.decay_rank = p.required_count("attention.decay_lora_rank", kWidest);
  spec.rate_rank = p.required_count("attention.iclr_lora_rank", kWidest);
  spec.value_rank = p.required_count("attention.value_residual_mix_lora_rank", kWidest);
  spec.gate_rank = p.count("attention.gate_lora_rank", 0, kWidest);
  spec.first = layer == 0;
  return spec;
}

bool drop_attention_without_keys(LayerSpec& layer) {
  if (layer.attention.kv_heads > 0) return false;
  layer.attention = {};
  return true;
}

bool is_recurrent_layer(Hyperparameters& p, int layer, int interval) {
  if (layer >= own_layers(p)) return false;
  if (p.has("attention.recurrent_layers")) {
    return p.layer_count("attention.recurrent_layers", layer, 0) != 0;
  }
  return (layer + 1) % p.count("full_attention_interval", interval) != 0;
}

}  // namespace linnet
