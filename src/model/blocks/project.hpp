#pragma once

#include <cstddef>
#include <initializer_list>

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// A projection and where its result goes.
struct ProjectionTo {
  const Linear& projection;
  View out;
};

/// The product with the weight alone, without adapters and bounds.
MatmulOutput product_of(const ProjectionTo& output, bool accumulate = false);

/// Projections that project() makes of one input at once, at most.
inline constexpr std::size_t kMostProjections = 6;

/// out [rows, weight's rows] = what the weight and its adapters make of `in`, for all of `outputs`;
/// with `accumulate` it is added. `in` is read once.
void project(const Pass& pass, View in, std::span<const ProjectionTo> outputs,
             bool accumulate = false);
inline void project(const Pass& pass, View in, std::initializer_list<ProjectionTo> outputs) {
  project(pass, in, std::span(outputs.begin(), outputs.size()));
}

inline void project(const Pass& pass, const Linear& projection, View in, View out,
                    bool accumulate = false) {
  const ProjectionTo output{projection, out};
  project(pass, in, {&output, 1}, accumulate);
}

/// The same in new rows of the workspace.
inline View project(const Pass& pass, const Linear& projection, View in) {
  const View out = pass.workspace.view(in.rows, projection.weight->rows());
  project(pass, projection, in, out);
  return out;
}

/// up.out = activation(gate(in)) * up(in). Afterwards gate.out is undefined.
void project_gated(const Pass& pass, View in, const ProjectionTo& gate, const ProjectionTo& up,
                   Activation activation);

/// Floats of a workspace for `rows` rows that project() takes if `adapters` adapters have `rank`
/// together, with their strengths.
std::int64_t adapter_floats(std::int64_t rows, std::int64_t rank, std::int64_t adapters);
/// The same if a projection with a Clip has this many columns: WeightLoader::clipped_columns().
std::int64_t clipped_floats(std::int64_t rows, std::int64_t columns);

}  // namespace linnet
