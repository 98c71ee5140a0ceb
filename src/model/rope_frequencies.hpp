#pragma once

#include <span>

#include "model/hyperparameters.hpp"
#include "model/spec/rope_spec.hpp"

namespace linnet {

/// How positions beyond the trained context are squeezed into it.
struct RopeScaling {
  enum class Kind { kNone, kLinear, kYarn } kind = Kind::kNone;
  float factor = 1.0f;  ///< new context over old
  std::int64_t original_context = 0;
  float extrapolation = 1.0f;     ///< YaRN: share of the unscaled angle in the ramp
  float attention_factor = 1.0f;  ///< YaRN: factor on the magnitude
  float multiplier = 1.0f;        ///< YaRN: DeepSeek's mscale, of the rotary columns
  float log_multiplier = 0.0f;    ///< YaRN: DeepSeek's mscale_all_dim, which scores have instead
  float beta_fast = 32.0f;
  float beta_slow = 1.0f;
};

/// Reads `rope.scaling.*`; what is wrong goes to `hyperparameters`.
RopeScaling read_rope_scaling(Hyperparameters& hyperparameters);

/// Fills in `rope.inverse_frequencies` and `rope.magnitude` for `rope.dims` columns:
/// base^(-2i/dims), divided by `factors[i]` if given (Llama-3, LongRoPE: [dims / 2]), then
/// scaled: linear divides by the factor, YaRN mixes by wavelength
/// (https://arxiv.org/abs/2309.00071, section 3).
void set_rope_frequencies(RopeSpec& rope, float base, const RopeScaling& scaling,
                          std::span<const float> factors);

/// Factor on the scores of latent attention with heads of `key_width`: 1 / sqrt(key_width), times
/// the square of YaRN's magnitude that DeepSeek moves there from the rotary columns.
float latent_score_scale(const RopeScaling& scaling, std::int64_t key_width);

}  // namespace linnet
