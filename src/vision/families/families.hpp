// The readers of all families of vision encoders; each is described where it is defined.
#pragma once

#include "vision/family.hpp"

namespace linnet {

VisionSpec read_gemma3_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_gemma4_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_glm4_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_idefics3_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_internvl_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_kimi_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_lfm2_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_llama4_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_llava_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_pixtral_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_qwen2_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_qwen25_vision(Hyperparameters& p, const WeightLoader& loader);
VisionSpec read_qwen3_vision(Hyperparameters& p, const WeightLoader& loader);

}  // namespace linnet
