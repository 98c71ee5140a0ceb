#pragma once

#include "model/blocks/pass.hpp"
#include "model/weights.hpp"

namespace linnet {

/// out = `norm` of `in`, as the model's layers are normalised. `out` may be `in`.
inline void normalise(const Pass& pass, const Norm& norm, View in, View out) {
  pass.backend.norm(in, norm.params(pass.model.norm, pass.model.norm_epsilon), out);
}

/// The same of `x` itself.
inline void normalise(const Pass& pass, const Norm& norm, View x) { normalise(pass, norm, x, x); }

/// The same in new rows of the workspace: a copy if there is no norm.
inline View normalised(const Pass& pass, const Norm& norm, NormUse use, View in) {
  const View out = pass.workspace.view(in.rows, in.columns);
  if (use == NormUse::kNone) {
    pass.backend.copy(in, out);
  } else {
    normalise(pass, norm, in, out);
  }
  return out;
}

/// x = its RMS norm with the model's epsilon, of each `group` columns by themselves (0: of all
/// together). A `norm` without weights will do.
inline void normalise_rms(const Pass& pass, const Norm& norm, View x, std::int64_t group = 0) {
  pass.backend.norm(x, norm.params(NormKind::kRms, pass.model.norm_epsilon, group), x);
}

/// out = the same of all columns of `in`, without weights.
inline void normalise_rms_unweighted(const Pass& pass, View in, View out) {
  pass.backend.norm(in, {NormKind::kRms, pass.model.norm_epsilon}, out);
}

/// Each `group` columns of x get the length 1, or less if they are shorter than `epsilon`.
inline void normalise_l2(const Pass& pass, float epsilon, std::int64_t group, View x) {
  pass.backend.norm(x, {NormKind::kL2, epsilon, nullptr, nullptr, group}, x);
}

}  // namespace linnet
