#pragma once

#include "model/blocks/pass.hpp"

namespace linnet {

/// Whether activate_gate() is `spec.activation` and the product with `up` alone.
inline bool is_plain(const GateSpec& spec) { return spec.clamp == 0.0f && !spec.situ; }

/// out = activation(gate) * up as `spec` has it. `gate` and `up` are changed. All views [rows,
/// width]; `out` may be one of the two.
void activate_gate(const Pass& pass, const GateSpec& spec, View gate, View up, View out);

/// x = activation(x), if there is no gate. `scratch` is as large as x.
void activate(const Pass& pass, const GateSpec& spec, View x, View scratch);

}  // namespace linnet
