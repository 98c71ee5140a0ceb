#include <algorithm>
#include <cmath>
#include <numbers>

#include "backend/cut_row_below.hpp"
#include "backend/reference/reference_backend.hpp"
#include "backend/route_experts.hpp"
#include "base/half.hpp"

namespace linnet::reference {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double round_to_half(double x) { return half_to_float(float_to_half(static_cast<float>(x))); }

double activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x * sigmoid(x);
    case Activation::kGelu:  // the tanh form of https://arxiv.org/abs/1606.08415
      return 0.5 * x *
             (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluQuick:
      return x * sigmoid(1.702 * x);
    case Activation::kGeluErf:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kReluSquared:
      return std::max(x, 0.0) * std::max(x, 0.0);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSoftplus:
      return x > 20.0 ? x : std::log1p(std::exp(x));
    case Activation::kIdentity:
      return x;
    case Activation::kSquareRoot:
      return std::sqrt(x);
    case Activation::kElu:
      return x > 0.0 ? x : std::expm1(x);
    case Activation::kClampedSwiglu:
      return std::min(x, 7.0) * sigmoid(1.702 * std::min(x, 7.0));
    case Activation::kGeluOfHalves:
      if (std::abs(x) >= 10.0) return std::max(x, 0.0);
      return round_to_half(activate(Activation::kGelu, round_to_half(x)));
  }
  return x;
}

// What the activated gate is multiplied with.
double up_factor(Activation activation, double up) {
  return activation == Activation::kClampedSwiglu ? std::clamp(up, -7.0, 7.0) + 1.0 : up;
}

void normalise(const float* x, std::int64_t width, const NormParams& params, const float* weight,
               const float* bias, float* out) {
  double mean = 0.0;
  if (params.kind == NormKind::kLayer) {
    for (std::int64_t i = 0; i < width; ++i) mean += x[i];
    mean /= static_cast<double>(width);
  }
  double squares = 0.0;
  for (std::int64_t i = 0; i < width; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double variance = squares / static_cast<double>(width);
  const double factor = params.kind == NormKind::kL2
                            ? 1.0 / std::max(std::sqrt(squares), double{params.epsilon})
                            : 1.0 / std::sqrt(variance + params.epsilon);
  for (std::int64_t i = 0; i < width; ++i) {
    double value = (x[i] - mean) * factor;
    if (weight) value *= weight[i];
    if (bias) value += bias[i];
    out[i] = static_cast<float>(value);
  }
}

void rotate(float* a, float* b, double angle, double magnitude) {
  const double cosine = std::cos(angle) * magnitude;
  const double sine = std::sin(angle) * magnitude;
  const double x = *a;
  const double y = *b;
  *a = static_cast<float>(x * cosine - y * sine);
  *b = static_cast<float>(x * sine + y * cosine);
}

}  // namespace

void ReferenceBackend::norm(View in, const NormParams& params, View out) {
  const std::int64_t group = params.group ? params.group : in.columns;
  for (std::int64_t r = 0; r < in.rows; ++r) {
    for (std::int64_t first = 0; first < in.columns; first += group) {
      const std::int64_t offset = params.weight_per_column ? first : 0;
      normalise(in.row(r) + first, group, params, params.weight ? params.weight + offset : nullptr,
                params.bias ? params.bias + offset : nullptr, out.row(r) + first);
    }
  }
}

void ReferenceBackend::rope(View x, std::span<const std::int32_t> positions,
                            const RopeParams& params) {
  if (params.layout == RopeLayout::kNone) return;
  const bool adjacent = params.layout == RopeLayout::kAdjacent;
  const int half = params.dims / 2;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (int h = 0; h < params.heads; ++h) {
      float* head = x.row(r) + h * params.head_width + params.first;
      for (int i = 0; i < half; ++i) {
        const double angle = double{params.inverse_frequencies[i]} * positions[r];
        float* a = head + (adjacent ? 2 * i : i);
        rotate(a, adjacent ? a + 1 : a + half, angle, params.magnitude);
      }
    }
  }
}

void ReferenceBackend::route_experts(View logits, const RouteParams& params, const Routing& out) {
  for (std::int64_t r = 0; r < logits.rows; ++r) {
    route_row(logits.row(r), static_cast<int>(logits.columns), params, out.experts + r * out.used,
              out.weights + r * out.used);
  }
}

void ReferenceBackend::gated_activation(View gate, View up, Activation activation, View out) {
  for (std::int64_t r = 0; r < gate.rows; ++r) {
    for (std::int64_t c = 0; c < gate.columns; ++c) {
      double value = activate(activation, gate.row(r)[c]);
      if (up.data) value *= up_factor(activation, up.row(r)[c]);
      out.row(r)[c] = static_cast<float>(value);
    }
  }
}

void ReferenceBackend::add_scaled(View x, float scale, float out_scale, View out) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      out.row(r)[c] = out.row(r)[c] * out_scale + x.row(r)[c] * scale;
    }
  }
}

void ReferenceBackend::multiply_gate(View gate, Activation activation, View x) {
  const std::int64_t repeat = x.columns / gate.columns;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      x.row(r)[c] *= static_cast<float>(activate(activation, gate.row(r)[c / repeat]));
    }
  }
}

void ReferenceBackend::softcap(View x, float cap) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      x.row(r)[c] = static_cast<float>(cap * std::tanh(double{x.row(r)[c]} / cap));
    }
  }
}

void ReferenceBackend::scale(View x, float factor) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) x.row(r)[c] *= factor;
  }
}

void ReferenceBackend::scale_rows(View x, const float* factors) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) x.row(r)[c] *= factors[r];
  }
}

void ReferenceBackend::clamp(View x, float least, float most) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      x.row(r)[c] = std::clamp(x.row(r)[c], least, most);
    }
  }
}

void ReferenceBackend::copy(View from, View to) {
  for (std::int64_t r = 0; r < from.rows; ++r) std::copy_n(from.row(r), from.columns, to.row(r));
}

void ReferenceBackend::fill(View x, float value) {
  for (std::int64_t r = 0; r < x.rows; ++r) std::fill_n(x.row(r), x.columns, value);
}

void ReferenceBackend::cut_below(View x, float deviations) {
  for (std::int64_t r = 0; r < x.rows; ++r) cut_row_below(x.row(r), x.columns, deviations);
}

void ReferenceBackend::group_experts(int size, const Routing& routing) {
  for (std::int64_t i = 0; i < routing.rows * routing.used; ++i) routing.experts[i] /= size;
}

}  // namespace linnet::reference
