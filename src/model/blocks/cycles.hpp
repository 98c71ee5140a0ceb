#pragma once

#include <vector>

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What stands before the first pass through two stacks of layers: see CyclesSpec. Each of them has
/// a state, [rows, width]; a pass reads the sum of both and its output becomes the state of its
/// stack.
struct CycleWeights {
  std::unique_ptr<Buffer> low_start;  ///< [width]: of every row
};

/// Loads hrm.z_l_init; nothing in models without two stacks.
CycleWeights load_cycles(WeightLoader& loader, const ModelSpec& spec);

/// Floats that the states take of the workspace for each row.
std::int64_t cycle_columns(const ModelSpec& spec);

/// The states of the low and the high stack in the workspace; the high one's is a copy of `x`.
std::vector<View> begin_cycles(const Pass& pass, const CycleWeights& weights, View x);

/// x = what layer `index` reads of the states, where it is the first of a pass; else x is left
/// alone.
void begin_cycle_pass(const Pass& pass, int index, const std::vector<View>& states, View x);
/// If layer `index` is the last of a pass, its result `x` is normalised and becomes the state of
/// its stack.
void end_cycle_pass(const Pass& pass, int index, const std::vector<View>& states, View x);

}  // namespace linnet
