#pragma once

#include "encoder/projector_steps.hpp"
#include "encoder/tower.hpp"
#include "hearing/hearing_spec.hpp"
#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// What all have: the tower's sizes, and how many bands there are.
HearingSpec read_common_hearing(Hyperparameters& p, const WeightLoader& loader);

/// Feed-forward parts have GELU, as the error function gives it.
void use_gelu(ModelSpec& tower);

/// Refuses Conformers whose heads, with what they have for distances, are too wide.
void check_conformer(Hyperparameters& p, const HearingSpec& spec);

/// The columns of the steps of a stem, by the shapes of their tensors.
void size_stem(const WeightLoader& loader, HearingSpec& spec);

/// Three convolutions over frames and bins, which leave an eighth of both, and the projection of
/// what is left of a frame; Qwen3's. The columns are to be told: size_stem().
StemSpec eighth_stem();

/// The same as NeMo has it: of which the convolutions are of each column by itself and of a row's
/// columns by turns.
StemSpec nemo_stem();

/// Whisper's encoder (https://arxiv.org/abs/2212.04356), which most families have: spectrogram,
/// convolutions, learned places and tower. The norm after the tower, `a.post_ln`, is a step of the
/// projector, for some take means before it; see whisper_norm().
HearingSpec read_whisper(Hyperparameters& p, const WeightLoader& loader);

ProjectorStep whisper_norm(const HearingSpec& spec);

/// How many rows a projector joins.
int read_stack_factor(Hyperparameters& p);

}  // namespace linnet
