#pragma once

#include "hearing/hearing_spec.hpp"
#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"
#include "vision/families/common.hpp"

namespace linnet {

/// Whisper's encoder (https://arxiv.org/abs/2212.04356), which most families have: spectrogram,
/// convolutions, learned places and tower. The norm behind the tower, `a.post_ln`, is a step of the
/// projector, for some take means before it; see whisper_norm().
HearingSpec read_whisper(Hyperparameters& p, const WeightLoader& loader);

ProjectorStep whisper_norm(const HearingSpec& spec);

/// How many rows a projector joins.
int read_stack_factor(Hyperparameters& p);

}  // namespace linnet
