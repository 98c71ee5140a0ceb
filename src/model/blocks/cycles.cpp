#include "model/blocks/cycles.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"

namespace linnet {
namespace {

constexpr std::size_t kLow = 0, kHigh = 1;

}  // namespace

CycleWeights load_cycles(WeightLoader& loader, const ModelSpec& spec) {
  if (!spec.cycles.has_two_stacks()) return {};
  return {loader.vector("hrm.z_l_init", spec.width)};
}

std::int64_t cycle_columns(const ModelSpec& spec) {
  return spec.cycles.has_two_stacks() ? 2 * spec.width : 0;
}

std::vector<View> begin_cycles(const Pass& pass, const CycleWeights& weights, View x) {
  std::vector<View> states(2);
  for (View& state : states) state = pass.workspace.view(x.rows, x.columns);
  pass.backend.copy(repeated(*weights.low_start, x), states[kLow]);
  pass.backend.copy(x, states[kHigh]);
  return states;
}

void begin_cycle_pass(const Pass& pass, int index, const std::vector<View>& states, View x) {
  if (!pass.model.cycles.begins_pass(index)) return;
  pass.backend.copy(states[kHigh], x);
  add(pass.backend, states[kLow], x);
}

void end_cycle_pass(const Pass& pass, int index, const std::vector<View>& states, View x) {
  const CyclesSpec& cycles = pass.model.cycles;
  if (!cycles.ends_pass(index)) return;
  normalise_rms_unweighted(pass, x, x);
  pass.backend.copy(x, states[cycles.is_high(index) ? kHigh : kLow]);
}

}  // namespace linnet
