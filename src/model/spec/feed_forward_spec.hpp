// The feed-forward part of a layer, dense or of experts.
#pragma once

#include <cstdint>
#include <optional>

#include "backend/parameters.hpp"

namespace linnet {

/// xIELU (https://arxiv.org/abs/2411.13010): positive * x^2 + linear * x above 0, and
/// negative * (exp(x) - 1 - x) + linear * x below.
struct Xielu {
  float positive = 0.0f;
  float negative = 0.0f;
  float linear = 0.0f;
};

/// SiTU (Kimi K3): sigmoid(gate) * cap * tanh(gate / cap), times up_cap * tanh(up / up_cap).
struct Situ {
  float cap = 0.0f;
  float up_cap = 0.0f;  ///< 0: times `up` as it is
};

/// How a feed-forward part goes from the width within it to what its last projection reads:
/// activation(gate) * up (https://arxiv.org/abs/2002.05202), or activation(up) if the file has
/// no gate.
struct GateSpec {
  Activation activation = Activation::kSilu;
  std::optional<Xielu> xielu;  ///< instead of `activation`, if there is no gate
  std::optional<Situ> situ;    ///< instead of `activation`, if there is one
  float clamp = 0.0f;          ///< of the activated gate and of what it multiplies; 0: none
  /// `clamp` is of what goes into the activation, on top only, instead (DeepSeek-V4).
  bool clamps_before = false;
};

/// One dense feed-forward part.
struct MlpSpec {
  int width = 0;  ///< columns within it; 0: the layer has none
  GateSpec gate;
  bool projected = true;         ///< else the activation alone
  bool exchanged_names = false;  ///< what the file calls ffn_up is the last projection (old towers)
  /// Statistical top-k (https://arxiv.org/abs/2506.06644, Gemma 3n): of each row of the gate what
  /// lies more than so many standard deviations above its mean goes on; see Backend::cut_below. 0:
  /// all of it.
  float top_k_deviations = 0.0f;
};

/// Adjugate experts (GroveMoE, https://arxiv.org/abs/2508.07785): the experts of a group share a
/// small one, which goes on from what the experts gave.
struct AdjugateSpec {
  int group_size = 0;  ///< experts of a group; 0: there are no adjugate experts
  int width = 0;       ///< columns within one
  float scale = 0.0f;  ///< how much its result counts
};

/// A mixture of experts, of which each row goes through a few (https://arxiv.org/abs/2401.04088).
struct MoeSpec {
  int experts = 0;  ///< 0: the layer has none
  int width = 0;    ///< columns within one expert
  GateSpec gate;
  RouteParams route;
  /// Columns that the experts read and output, between a projection before them all and one after
  /// (Nemotron 3, Kimi K3); 0: those of the residual stream.
  int latent_width = 0;
  bool weigh_input = false;  ///< an expert's weight scales its input, not its output (Llama 4)
  AdjugateSpec adjugate;
  /// Tokens of the vocabulary whose experts a table in the file names (hash routing,
  /// https://arxiv.org/abs/2106.04426; DeepSeek-V4), so that the router only weighs them; 0: the
  /// router picks them.
  std::int64_t hash_routed_tokens = 0;
  /// Router alone, or router and experts, read what the mixer reads; or each reads the residual
  /// stream through a norm of its own, and dense part and experts have one each after them, too
  /// (Gemma 4).
  enum class Input {
    kFeedForward,
    kRouterBeforeMixer,
    kAllBeforeMixer,
    kOwnNorms
  } input = Input::kFeedForward;
};

}  // namespace linnet
