// The readers of all families of encoders of sounds; each is described where it is defined.
#pragma once

#include "hearing/family.hpp"

namespace linnet {

using HearingReader = HearingSpec(Hyperparameters& p, const WeightLoader& loader);

HearingReader read_dots_note_hearing, read_flamingo_hearing, read_gemma4_hearing,
    read_gemma4_unified_hearing, read_glm_hearing, read_granite_hearing, read_lfm2_hearing,
    read_meralion_hearing, read_mimo_hearing, read_parakeet_hearing, read_qwen2_hearing,
    read_qwen25_hearing, read_qwen3_hearing, read_ultravox_hearing, read_voxtral_hearing;

}  // namespace linnet
