#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "generate/loading/engine_options.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/lora.hpp"

namespace linnet {

/// Bytes that the weights of `part` take where it runs. Both parts have a copy of a tied output.
/// `prediction` are the layers for multi-token prediction that run with the last layers, null if
/// none do.
std::int64_t weights_bytes(const gguf::File& file, const ModelSpec& spec, const ModelPart& part,
                           const ModelSpec* prediction = nullptr);

/// Bytes that the adapters of `part` take where it runs, with what a step of `rows` rows needs.
std::int64_t adapter_bytes(std::span<const gguf::Lora> adapters, const ModelSpec& spec,
                           const ModelPart& part, std::int64_t rows);

/// How often the model uses the weights `tensor` for a token: once unless layers share them, and
/// never those of layers for multi-token prediction.
int times_used(const ModelSpec& spec, std::string_view tensor);

/// The part of the weights `tensor` that `tokens` tokens side by side read where they are used: all
/// of it, but of experts those that are chosen, on average.
double expert_share(const ModelSpec& spec, std::string_view tensor, int tokens = 1);

/// How much of `tensor` such tokens read, above 1 if layers share it; 0 of tables whose rows are
/// looked up.
double read_share(const gguf::File& file, const ModelSpec& spec, const gguf::Tensor& tensor,
                  int tokens = 1);

}  // namespace linnet
