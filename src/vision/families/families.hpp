// The readers of all families of vision encoders; each is described where it is defined.
#pragma once

#include "vision/family.hpp"

namespace linnet {

using VisionReader = VisionSpec(Hyperparameters& p, const WeightLoader& loader);

VisionReader read_deepseek_ocr_vision, read_deepseek_ocr2_vision, read_dots3_vision,
    read_dots_ocr_vision, read_exaone_vision, read_gemma3_vision, read_gemma3n_vision,
    read_gemma4_unified_vision, read_gemma4_vision, read_glm4_vision, read_glm_edge_vision,
    read_granite4_vision, read_hunyuan_vision, read_idefics3_vision, read_internvl_vision,
    read_janus_vision, read_kimi25_vision, read_kimi_vision, read_lfm2_vision, read_lighton_vision,
    read_llama4_vision, read_llava_vision, read_mimo_vision, read_minicpm46_vision,
    read_minicpm_vision, read_minimax_vision, read_mobile_vlm2_vision, read_mobile_vlm_vision,
    read_muse_vision, read_nemotron_vision, read_paddle_ocr_vision, read_phi4_vision,
    read_pixtral_vision, read_qwen25_vision, read_qwen2_vision, read_qwen3_vision,
    read_step3_vision, read_yasa_vision, read_youtu_vision;

}  // namespace linnet
