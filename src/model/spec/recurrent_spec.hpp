// Mixers (and a feed-forward part) that keep a state of a fixed size for each sequence: what their
// projections and states measure. A state is some floats of a layer, in the order of the parts.
#pragma once

#include <cstdint>
#include <variant>

#include "backend/parameters.hpp"

namespace linnet {

/// LFM2's mixer: c * convolution(b * x) (https://www.liquid.ai/blog/liquid-foundation-models-v2).
struct ShortConvolutionSpec {
  int columns = 0;       ///< of each of b, c and x
  int kernel = 0;        ///< tokens
  bool centred = false;  ///< as many of them after a token as before it

  /// [kernel - 1][columns]: the inputs before.
  std::int64_t state_floats() const { return std::int64_t{kernel - 1} * columns; }
};

/// Mamba (https://arxiv.org/abs/2312.00752).
struct MambaSpec {
  int inner = 0;            ///< channels (d_inner)
  int state_width = 0;      ///< numbers of the state of a channel (d_state)
  int kernel = 0;           ///< of the convolution, tokens (d_conv)
  int step_rank = 0;        ///< of the projection to steps (dt_rank)
  bool bare_norms = false;  ///< step, input and output are normalised without weights (FalconMamba)

  /// [kernel - 1][inner] of the convolution, [state_width][inner] of the scan.
  std::int64_t state_floats() const {
    return std::int64_t{inner} * (kernel - 1) + std::int64_t{inner} * state_width;
  }
};

/// Mamba 2 (https://arxiv.org/abs/2405.21060).
struct Mamba2Spec {
  int inner = 0;  ///< channels, of all heads (d_inner)
  int heads = 0;
  int groups = 0;       ///< heads of a group share keys and queries (B and C)
  int state_width = 0;  ///< columns of a key (d_state)
  int kernel = 0;       ///< of the convolution, tokens (d_conv)

  int head_width() const { return inner / heads; }
  /// Columns that go through the convolution: values, keys and queries.
  int convolved() const { return inner + 2 * groups * state_width; }
  /// [kernel - 1][convolved()] of the convolution, [heads][state_width][head_width()] of the scan.
  std::int64_t state_floats() const {
    return std::int64_t{convolved()} * (kernel - 1) + std::int64_t{inner} * state_width;
  }
};

/// PLaMo 2's mixture of both: Mamba's projections with normalised step, input and output before
/// the recurrence of Mamba 2 (https://huggingface.co/pfnet/plamo-2-1b).
struct PlamoMambaSpec {
  int inner = 0;  ///< channels, of all heads
  int heads = 0;
  int state_width = 0;  ///< columns of the one key that heads share
  int kernel = 0;       ///< of the convolution, tokens
  int step_width = 0;   ///< of what steps are projected from

  int head_width() const { return inner / heads; }
  /// [kernel - 1][inner] of the convolution, [heads][state_width][head_width()] of the scan.
  std::int64_t state_floats() const {
    return std::int64_t{inner} * (kernel - 1) + std::int64_t{inner} * state_width;
  }
};

/// Gated delta net (https://arxiv.org/abs/2412.06464).
struct DeltaNetSpec {
  int heads = 0;        ///< of values
  int key_heads = 0;    ///< of keys and queries
  int key_width = 0;    ///< columns of one head
  int value_width = 0;  ///< columns of one head
  int kernel = 0;       ///< of the convolution, tokens
  KeySharing sharing = KeySharing::kBlocks;
  Activation gate = Activation::kSilu;  ///< of the output

  int key_columns() const { return key_heads * key_width; }
  int value_columns() const { return heads * value_width; }
  /// Columns that go through the convolution: queries, keys and values.
  int convolved() const { return 2 * key_columns() + value_columns(); }
  /// [kernel - 1][convolved()] of the convolution, [heads][key_width][value_width] of the scan.
  std::int64_t state_floats() const {
    return std::int64_t{convolved()} * (kernel - 1) + std::int64_t{value_columns()} * key_width;
  }
};

/// Kimi delta attention (https://arxiv.org/abs/2510.26692): a delta net with a decay for each key
/// column.
struct KimiDeltaSpec {
  int heads = 0;       ///< of queries, keys and values
  int head_width = 0;  ///< columns of one head
  int kernel = 0;      ///< of the convolutions, tokens
  /// Below 0: decays are exp(bound * sigmoid(rate * x)) instead of exp(rate * softplus(x)).
  float bound = 0.0f;
  float rate_sign = 1.0f;  ///< of the rates in the file, if there is a bound

  int inner() const { return heads * head_width; }
  /// [kernel - 1][3 * inner()] of the convolutions, [heads][head_width][head_width] of the scan.
  std::int64_t state_floats() const {
    return 3 * std::int64_t{inner()} * (kernel - 1) + std::int64_t{inner()} * head_width;
  }
};

/// Lightning attention (https://arxiv.org/abs/2401.04658): linear attention whose heads forget at a
/// constant rate.
struct LightningSpec {
  int heads = 0;             ///< of queries, keys and values
  int head_width = 0;        ///< columns of one head
  float slope_scale = 1.0f;  ///< of the rates

  int inner() const { return heads * head_width; }
  /// [heads][head_width][head_width].
  std::int64_t state_floats() const { return std::int64_t{inner()} * head_width; }
};

/// RWKV-6's attention (https://arxiv.org/abs/2404.05892), and the gated linear attention that
/// QRWKV-6 made of it (https://huggingface.co/recursal/QRWKV6-32B-Instruct-Preview-v0.1).
struct Rwkv6Spec {
  int columns = 0;     ///< of the residual stream, and of all heads together
  int head_width = 0;  ///< columns of one head
  int kv_heads = 0;    ///< heads share keys and values
  bool gated = false;  ///< gated linear attention
  int mix_rank = 0;    ///< of what projections take of the token before
  int decay_rank = 0;  ///< of the projection to decays

  std::int64_t kv_columns() const { return std::int64_t{kv_heads} * head_width; }
  /// [columns]: the token before; [heads][head_width][head_width] of the scan.
  std::int64_t state_floats() const { return columns + std::int64_t{columns} * head_width; }
};

/// RWKV-7's attention (https://arxiv.org/abs/2503.14456).
struct Rwkv7Spec {
  int columns = 0;     ///< of the residual stream, and of all heads together
  int head_width = 0;  ///< columns of one head
  int decay_rank = 0;  ///< of the projection to decays
  int rate_rank = 0;   ///< of the in-context learning rate
  int value_rank = 0;  ///< of the share that the first layer's values have
  int gate_rank = 0;   ///< 0: no gate
  bool first = false;  ///< hands its values to the later layers

  /// [columns]: the token before; [heads][head_width][head_width] of the scan.
  std::int64_t state_floats() const { return columns + std::int64_t{columns} * head_width; }
};

/// RWKV's feed-forward part (https://arxiv.org/abs/2404.05892, section 4.1.3), which also looks at
/// the token before.
struct RwkvChannelMixSpec {
  int columns = 0;  ///< of the residual stream
  int inner = 0;    ///< columns within it

  /// [columns]: the token before.
  std::int64_t state_floats() const { return columns; }
};

/// A layer's mixer besides (or instead of) attention, or its feed-forward part, with a state of its
/// own for each sequence.
using RecurrentSpec = std::variant<std::monostate, ShortConvolutionSpec, MambaSpec, Mamba2Spec,
                                   PlamoMambaSpec, DeltaNetSpec, KimiDeltaSpec, LightningSpec,
                                   Rwkv6Spec, Rwkv7Spec, RwkvChannelMixSpec>;

inline bool is_present(const RecurrentSpec& spec) { return spec.index() != 0; }

/// Floats that the mixer keeps of a sequence.
inline std::int64_t state_floats(const RecurrentSpec& spec) {
  return std::visit(
      [](const auto& kind) -> std::int64_t {
        if constexpr (requires { kind.state_floats(); }) return kind.state_floats();
        return 0;
      },
      spec);
}

}  // namespace linnet
