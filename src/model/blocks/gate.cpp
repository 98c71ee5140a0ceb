#include "model/blocks/gate.hpp"

#include <limits>

#include "model/blocks/elementwise.hpp"

namespace linnet {
namespace {

// With e = exp(x) - 1 below 0 and x above it, all of xIELU is
// positive * relu(x)^2 + negative * e + (linear - negative) * x.
void apply_xielu(const Pass& pass, const Xielu& xielu, View x, View scratch) {
  pass.backend.gated_activation(x, View{}, Activation::kElu, scratch);
  pass.backend.add_scaled(x, xielu.linear - xielu.negative, xielu.negative, scratch);
  apply(pass.backend, Activation::kReluSquared, x);
  pass.backend.add_scaled(scratch, 1.0f, xielu.positive, x);
}

}  // namespace

void activate_gate(const Pass& pass, const GateSpec& spec, View gate, View up, View out) {
  if (spec.situ) {
    if (spec.situ->up_cap > 0.0f) pass.backend.softcap(up, spec.situ->up_cap);
    pass.backend.multiply_gate(gate, Activation::kSigmoid, up);
    pass.backend.softcap(gate, spec.situ->cap);
    return pass.backend.gated_activation(gate, up, Activation::kIdentity, out);
  }
  if (spec.clamp == 0.0f) return pass.backend.gated_activation(gate, up, spec.activation, out);
  pass.backend.clamp(up, -spec.clamp, spec.clamp);
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  if (spec.clamps_before) pass.backend.clamp(gate, kLowest, spec.clamp);
  apply(pass.backend, spec.activation, gate);
  if (!spec.clamps_before) pass.backend.clamp(gate, -spec.clamp, spec.clamp);
  pass.backend.gated_activation(gate, up, Activation::kIdentity, out);
}

void activate(const Pass& pass, const GateSpec& spec, View x, View scratch) {
  if (spec.xielu) return apply_xielu(pass, *spec.xielu, x, scratch);
  apply(pass.backend, spec.activation, x);
}

}  // namespace linnet
