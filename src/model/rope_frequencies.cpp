#include "model/rope_frequencies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/utf8.hpp"

namespace linnet {
namespace {

// The dimension whose wavelength turns `rotations` times within the original context.
double correction_dim(const RopeScaling& scaling, int dims, double base, double rotations) {
  const double context = static_cast<double>(scaling.original_context);
  return dims * std::log(context / (rotations * 2.0 * std::numbers::pi)) / (2.0 * std::log(base));
}

// 1 for the pairs that turn fast (their angle stays), 0 for the slow ones (theirs is interpolated).
double yarn_share(const RopeScaling& scaling, int dims, double base, int pair) {
  const double low =
      std::max(0.0, std::floor(correction_dim(scaling, dims, base, scaling.beta_fast)));
  const double high =
      std::min(dims - 1.0, std::ceil(correction_dim(scaling, dims, base, scaling.beta_slow)));
  const double ramp = (pair - low) / std::max(0.001, high - low);
  return (1.0 - std::clamp(ramp, 0.0, 1.0)) * scaling.extrapolation;
}

double yarn_magnitude(double factor, double multiplier) {
  return factor <= 1.0 ? 1.0 : 0.1 * multiplier * std::log(factor) + 1.0;
}

}  // namespace

RopeScaling read_rope_scaling(Hyperparameters& p) {
  RopeScaling scaling;
  const std::string kind = p.string("rope.scaling.type", "");
  // Old files have only rope.scale_linear.
  scaling.factor =
      p.positive_number("rope.scaling.factor", p.positive_number("rope.scale_linear", 1.0f));
  if (kind == "yarn") {
    scaling.kind = RopeScaling::Kind::kYarn;
  } else if (kind == "linear" || (kind.empty() && scaling.factor != 1.0f)) {
    scaling.kind = RopeScaling::Kind::kLinear;
  } else if (!kind.empty() && kind != "none" && kind != "longrope") {
    p.fail(fmt::format(
        "metadata key {}.rope.scaling.type is '{}', expected none, linear, yarn or longrope",
        p.architecture(), shortened(kind)));
  }
  scaling.original_context =
      p.count("rope.scaling.original_context_length", p.count("context_length", 1));
  const float extrapolation = p.number("rope.scaling.yarn_ext_factor", -1.0f);
  scaling.extrapolation = extrapolation < 0.0f ? 1.0f : extrapolation;
  scaling.attention_factor = p.nonzero_number("rope.scaling.attn_factor", 1.0f);
  scaling.log_multiplier = p.number("rope.scaling.yarn_log_multiplier", 0.0f);
  scaling.beta_fast = p.positive_number("rope.scaling.yarn_beta_fast", 32.0f);
  scaling.beta_slow = p.positive_number("rope.scaling.yarn_beta_slow", 1.0f);
  return scaling;
}

void set_rope_frequencies(RopeSpec& rope, float base, const RopeScaling& scaling,
                          std::span<const float> factors) {
  rope.inverse_frequencies.clear();
  for (int pair = 0; pair < rope.dims / 2; ++pair) {
    double frequency = std::pow(double{base}, -2.0 * pair / rope.dims);
    if (!factors.empty()) frequency /= factors[pair];
    const double interpolated = frequency / scaling.factor;
    if (scaling.kind == RopeScaling::Kind::kLinear) frequency = interpolated;
    if (scaling.kind == RopeScaling::Kind::kYarn) {
      const double share = yarn_share(scaling, rope.dims, base, pair);
      frequency = interpolated * (1.0 - share) + frequency * share;
    }
    rope.inverse_frequencies.push_back(static_cast<float>(frequency));
  }
  rope.magnitude = scaling.attention_factor;
  if (scaling.kind == RopeScaling::Kind::kYarn && scaling.extrapolation != 0.0f) {
    rope.magnitude *= static_cast<float>(yarn_magnitude(scaling.factor, scaling.multiplier) /
                                         yarn_magnitude(scaling.factor, scaling.log_multiplier));
  }
}

float latent_score_scale(const RopeScaling& scaling, std::int64_t key_width) {
  double magnitude = scaling.attention_factor;
  if (scaling.kind == RopeScaling::Kind::kYarn && scaling.log_multiplier != 0.0f) {
    magnitude *= yarn_magnitude(scaling.factor, scaling.log_multiplier);
  }
  return static_cast<float>(magnitude * magnitude / std::sqrt(static_cast<double>(key_width)));
}

}  // namespace linnet
