#pragma once

#include "architectures/architecture.hpp"

namespace linnet {

// One function for each way of reading metadata, in the file of its family.

// plain.cpp
ReadArchitecture read_adjacent, read_split_half, read_orion, read_pangu, read_adjacent_normalised,
    read_split_half_normalised, read_norm_after_rope, read_norm_after_adjacent_rope, read_plamo3,
    read_late_ffn_norm;

// llama.cpp
ReadArchitecture read_arcee, read_mistral3, read_smollm3, read_llama4, read_deci;

// nanbeige.cpp
ReadArchitecture read_nanbeige;

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

// dots.cpp
ReadArchitecture read_dots3_note;

// dflash.cpp
ReadArchitecture read_dflash;

// eagle.cpp
ReadArchitecture read_eagle3;

// hunyuan.cpp
ReadArchitecture read_hunyuan_dense, read_hunyuan_vl, read_hy_v3, read_hy_v4;

// t5.cpp
ReadArchitecture read_t5, read_t5_encoder;

// diffusion.cpp
ReadArchitecture read_llada, read_dream, read_rnd1;

// granite.cpp
ReadArchitecture read_granite, read_granite_swa, read_granite_switch, read_minicpm, read_minicpm3;

// gemma.cpp
ReadArchitecture read_gemma, read_gemma2, read_gemma3n, read_gemma4, read_gemma4_assistant,
    read_gemma3;

// phi.cpp
ReadArchitecture read_phi2;

// parallel.cpp
ReadArchitecture read_command_r, read_cohere2, read_cohere2_moe, read_falcon, read_gptneox,
    read_plamo, read_stablelm;

// gpt.cpp
ReadArchitecture read_gpt2, read_bloom, read_mpt, read_jais, read_refact, read_starcoder2,
    read_codeshell;

// hrm_text.cpp
ReadArchitecture read_hrm_text;

// bailing.cpp
ReadArchitecture read_bailing_moe3;

// baichuan.cpp
ReadArchitecture read_baichuan;

// qwen.cpp
ReadArchitecture read_qwen, read_cogvlm, read_qwen2_vl, read_qwen3, read_qwen3_vl;

// olmo.cpp
ReadArchitecture read_olmo, read_olmo2;

// exaone.cpp
ReadArchitecture read_exaone4, read_exaone_moe;

// grok.cpp
ReadArchitecture read_grok;

// moe.cpp
ReadArchitecture read_arctic, read_dbrx, read_gpt_oss, read_smallthinker, read_afmoe, read_laguna,
    read_maple, read_mellum, read_mimo2, read_grove_moe;

// glm.cpp
ReadArchitecture read_glm4, read_glm4_moe, read_glm_dsa;

// chameleon.cpp
ReadArchitecture read_chameleon;

// deepseek.cpp
ReadArchitecture read_deepseek2, read_deepseek32, read_plm;

// muse_glimmer.cpp
ReadArchitecture read_muse_glimmer;

// spark.cpp
ReadArchitecture read_spark25;

// step35.cpp
ReadArchitecture read_step35;

// talkie.cpp
ReadArchitecture read_talkie;

// With recurrent layers, all or some of the family's models:

// falcon_h1.cpp
ReadArchitecture read_falcon_h1;

// granite_hybrid.cpp
ReadArchitecture read_granite_hybrid;

// jamba.cpp
ReadArchitecture read_jamba;

// kimi_k3.cpp
ReadArchitecture read_kimi_k3;

// kimi_linear.cpp
ReadArchitecture read_kimi_linear;

// lfm2.cpp
ReadArchitecture read_lfm2;

// mamba.cpp
ReadArchitecture read_mamba, read_mamba2;

// minimax.cpp
ReadArchitecture read_minimax_01, read_minimax_m2, read_minimax_m3;

// nemotron.cpp
ReadArchitecture read_nemotron, read_nemotron_h;

// plamo2.cpp
ReadArchitecture read_plamo2;

// qwen_hybrid.cpp
ReadArchitecture read_qwen35, read_qwen3_next;

// qwen4_exp.cpp
ReadArchitecture read_qwen4_exp;

// rwkv.cpp
ReadArchitecture read_arwkv7, read_rwkv6, read_rwkv6_qwen2, read_rwkv7;

}  // namespace linnet
