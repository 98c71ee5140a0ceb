#pragma once

#include "model/hyperparameters.hpp"
#include "model/model_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

// One function for each way of reading metadata, in the file of its family; see Architecture::read
// for the contract.

// plain.cpp
ModelSpec read_adjacent(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_split_half(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_pangu(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_adjacent_normalised(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_split_half_normalised(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_norm_after_rope(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_norm_after_adjacent_rope(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_plamo3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_late_ffn_norm(Hyperparameters& p, WeightLoader& loader);

// llama.cpp
ModelSpec read_arcee(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mistral3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_smollm3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_llama4(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_deci(Hyperparameters& p, WeightLoader& loader);

// apertus.cpp
ModelSpec read_apertus(Hyperparameters& p, WeightLoader& loader);

// bert.cpp
ModelSpec read_bert(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_jina_bert_v2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_jina_bert_v3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_nomic_bert(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_nomic_bert_moe(Hyperparameters& p, WeightLoader& loader);

// encoders.cpp
ModelSpec read_eurobert(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gemma_embedding(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_llama_embed(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_modern_bert(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_neo_bert(Hyperparameters& p, WeightLoader& loader);

// deepseek4.cpp
ModelSpec read_deepseek4(Hyperparameters& p, WeightLoader& loader);

// sparse_latent.cpp
ModelSpec read_dots3_note(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_hy_v4(Hyperparameters& p, WeightLoader& loader);

// t5.cpp
ModelSpec read_t5(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_t5_encoder(Hyperparameters& p, WeightLoader& loader);

// diffusion.cpp
ModelSpec read_llada(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_dream(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rnd1(Hyperparameters& p, WeightLoader& loader);

// granite.cpp
ModelSpec read_granite(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_granite_swa(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_granite_switch(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_minicpm(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_minicpm3(Hyperparameters& p, WeightLoader& loader);

// gemma.cpp
ModelSpec read_gemma(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gemma2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gemma3n(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gemma4(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gemma3(Hyperparameters& p, WeightLoader& loader);

// phi.cpp
ModelSpec read_phi2(Hyperparameters& p, WeightLoader& loader);

// parallel.cpp
ModelSpec read_command_r(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_cohere2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_cohere2_moe(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_falcon(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gptneox(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_plamo(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_stablelm(Hyperparameters& p, WeightLoader& loader);

// gpt.cpp
ModelSpec read_gpt2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_bloom(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mpt(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_jais(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_refact(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_starcoder2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_nemotron(Hyperparameters& p, WeightLoader& loader);

// hrm_text.cpp
ModelSpec read_hrm_text(Hyperparameters& p, WeightLoader& loader);

// bailing.cpp
ModelSpec read_bailing_moe3(Hyperparameters& p, WeightLoader& loader);

// baichuan.cpp
ModelSpec read_baichuan(Hyperparameters& p, WeightLoader& loader);

// qwen.cpp
ModelSpec read_qwen(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_cogvlm(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_qwen2_vl(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_qwen3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_qwen3_vl(Hyperparameters& p, WeightLoader& loader);

// olmo.cpp
ModelSpec read_olmo(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_olmo2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_exaone4(Hyperparameters& p, WeightLoader& loader);

// grok.cpp
ModelSpec read_grok(Hyperparameters& p, WeightLoader& loader);

// moe.cpp
ModelSpec read_arctic(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_dbrx(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_gpt_oss(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_smallthinker(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_afmoe(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_exaone_moe(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_laguna(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_maple(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mellum(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mimo2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_hy_v3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_grove_moe(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_minimax_m2(Hyperparameters& p, WeightLoader& loader);

// glm.cpp
ModelSpec read_glm4(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_glm4_moe(Hyperparameters& p, WeightLoader& loader);

// chameleon.cpp
ModelSpec read_chameleon(Hyperparameters& p, WeightLoader& loader);

// deepseek.cpp
ModelSpec read_deepseek2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_deepseek32(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_glm_dsa(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_minimax_m3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_plm(Hyperparameters& p, WeightLoader& loader);

// muse_glimmer.cpp
ModelSpec read_muse_glimmer(Hyperparameters& p, WeightLoader& loader);

// spark.cpp
ModelSpec read_spark25(Hyperparameters& p, WeightLoader& loader);

// step35.cpp
ModelSpec read_step35(Hyperparameters& p, WeightLoader& loader);

// talkie.cpp
ModelSpec read_talkie(Hyperparameters& p, WeightLoader& loader);

// With recurrent layers.
ModelSpec read_arwkv7(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_falcon_h1(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_granite_hybrid(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_jamba(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_kimi_k3(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_kimi_linear(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_lfm2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mamba(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_mamba2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_minimax_01(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_nemotron_h(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_plamo2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_qwen35(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_qwen3_next(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_qwen4_exp(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rwkv6(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rwkv6_qwen2(Hyperparameters& p, WeightLoader& loader);
ModelSpec read_rwkv7(Hyperparameters& p, WeightLoader& loader);

}  // namespace linnet
