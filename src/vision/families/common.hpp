#pragma once

#include <string>

#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// What all families have in common: the sizes of tower and patches, the colours, which optional
/// parts there are. Layers have attention of all patches to all and a feed-forward part; rope and
/// projector are left out.
VisionSpec read_common_vision(Hyperparameters& p, const WeightLoader& loader);

/// Heads turn by the row of a patch in the first half of their pairs (i, i + half) and by the
/// column in the second, each with frequencies base^(-2i / half).
void turn_halves_of_pairs(float base, ModelSpec& tower);
/// The same for pairs that stand side by side; `interleaved`: of frequencies base^(-i / half) rows
/// have the even ones and columns the odd ones.
void turn_adjacent_pairs(float base, bool interleaved, ModelSpec& tower);

ProjectorStep mean_of(int side);
ProjectorStep concatenate(int side);
ProjectorStep norm(std::string name, NormKind kind, float epsilon);
ProjectorStep scale_by(float factor);
ProjectorStep linear(std::string name,
                     ProjectorStep::Weights weights = ProjectorStep::Weights::kUsual);
ProjectorStep activate(Activation activation = Activation::kGelu);
ProjectorStep break_rows(std::string name);

}  // namespace linnet
