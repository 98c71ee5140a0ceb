#pragma once

#include <gtest/gtest.h>

namespace linnet::test {

/// Golden cases that have, between them, every kind of mixer and everything that layers keep of a
/// sequence.
inline const auto kMixerCases =
    testing::Values("llama-dense",          // attention
                    "gemma3-dense",         // sliding windows beside full layers
                    "gemma3n-dense",        // layers that share keys, several residual streams
                    "bloom-dense",          // positions by ALiBi
                    "step35-own",           // other heads in sliding layers, gates, clamps
                    "graniteswitch-own",    // adapters that tokens switch on
                    "gpt-oss-moe",          // sinks, experts
                    "llama4-moe",           // chunked attention
                    "deepseek2-moe",        // latent attention, the latents kept
                    "minicpm3-dense",       // latent attention, keys and values kept
                    "deepseek32-moe",       // latent attention to the keys that an indexer picks
                    "deepseek4-own",        // compressed keys, mixed streams, experts by token
                    "deepseek4-long-own",   // keys that stand for 128 tokens
                    "hy_v4-own",            // streams that stay apart, sinks, shared picks
                    "dots3note-own",        // latent attention in windows beside picked keys
                    "lfm2-dense",           // short convolutions beside attention
                    "mamba-dense",          // Mamba
                    "jamba-dense",          // Mamba beside attention
                    "mamba2-dense",         // Mamba 2
                    "granitehybrid-dense",  // Mamba 2 beside attention
                    "falcon-h1-dense",      // Mamba 2 and attention in one layer
                    "plamo2-dense",         // PLaMo's Mamba
                    "qwen35moe-moe",        // gated delta net
                    "qwen3next-own",        // gated delta net with other key heads
                    "qwen4exp-own",         // n-grams, attention to blocks, gated streams
                    "minimax-m3-own",       // attention of each KV head to blocks of its own
                    "kimi-linear-moe",      // Kimi delta attention beside latent attention
                    "bailingmoe3-own",      // bounded decays, gated latent attention
                    "kimi-k3-own",          // blocks that read earlier states, latent experts
                    "hrm_text-own",         // layers that share weights, in cycles
                    "minimax-01-own",       // lightning attention beside attention
                    "rwkv6-dense",          // RWKV-6
                    "rwkv6qwen2-own",       // gated linear attention
                    "rwkv7-own",            // RWKV-7
                    "arwkv7-own");          // RWKV-7 with gated feed-forward parts

}  // namespace linnet::test
