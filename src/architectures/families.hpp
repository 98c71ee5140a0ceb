#pragma once

#include "architectures/architecture.hpp"

namespace linnet {

// One function for each way of reading metadata, in the file of its family.

// plain.cpp
ReadArchitecture read_adjacent, read_split_half, read_pangu, read_adjacent_normalised,
    read_split_half_normalised, read_norm_after_rope, read_norm_after_adjacent_rope, read_plamo3,
    read_late_ffn_norm;

// llama.cpp
ReadArchitecture read_arcee, read_mistral3, read_smollm3, read_llama4, read_deci;

// apertus.cpp
ReadArchitecture read_apertus;

// bert.cpp
ReadArchitecture read_bert, read_jina_bert_v2, read_jina_bert_v3, read_nomic_bert,
    read_nomic_bert_moe;

// encoders.cpp
ReadArchitecture read_eurobert, read_gemma_embedding, read_llama_embed, read_modern_bert,
    read_neo_bert;

// deepseek4.cpp
ReadArchitecture read_deepseek4;

// sparse_latent.cpp
ReadArchitecture read_dots3_note, read_hy_v4;

// t5.cpp
ReadArchitecture read_t5, read_t5_encoder;

// diffusion.cpp
ReadArchitecture read_llada, read_dream, read_rnd1;

// granite.cpp
ReadArchitecture read_granite, read_granite_swa, read_granite_switch, read_minicpm, read_minicpm3;

// gemma.cpp
ReadArchitecture read_gemma, read_gemma2, read_gemma3n, read_gemma4, read_gemma3;

// phi.cpp
ReadArchitecture read_phi2;

// parallel.cpp
ReadArchitecture read_command_r, read_cohere2, read_cohere2_moe, read_falcon, read_gptneox,
    read_plamo, read_stablelm;

// gpt.cpp
ReadArchitecture read_gpt2, read_bloom, read_mpt, read_jais, read_refact, read_starcoder2,
    read_nemotron;

// hrm_text.cpp
ReadArchitecture read_hrm_text;

// bailing.cpp
ReadArchitecture read_bailing_moe3;

// baichuan.cpp
ReadArchitecture read_baichuan;

// qwen.cpp
ReadArchitecture read_qwen, read_cogvlm, read_qwen2_vl, read_qwen3, read_qwen3_vl;

// olmo.cpp
ReadArchitecture read_olmo, read_olmo2, read_exaone4;

// grok.cpp
ReadArchitecture read_grok;

// moe.cpp
ReadArchitecture read_arctic, read_dbrx, read_gpt_oss, read_smallthinker, read_afmoe,
    read_exaone_moe, read_laguna, read_maple, read_mellum, read_mimo2, read_hy_v3, read_grove_moe,
    read_minimax_m2;

// glm.cpp
ReadArchitecture read_glm4, read_glm4_moe;

// chameleon.cpp
ReadArchitecture read_chameleon;

// deepseek.cpp
ReadArchitecture read_deepseek2, read_deepseek32, read_glm_dsa, read_minimax_m3, read_plm;

// muse_glimmer.cpp
ReadArchitecture read_muse_glimmer;

// spark.cpp
ReadArchitecture read_spark25;

// step35.cpp
ReadArchitecture read_step35;

// talkie.cpp
ReadArchitecture read_talkie;

// With recurrent layers.
ReadArchitecture read_arwkv7, read_falcon_h1, read_granite_hybrid, read_jamba, read_kimi_k3,
    read_kimi_linear, read_lfm2, read_mamba, read_mamba2, read_minimax_01, read_nemotron_h,
    read_plamo2, read_qwen35, read_qwen3_next, read_qwen4_exp, read_rwkv6, read_rwkv6_qwen2,
    read_rwkv7;

}  // namespace linnet
