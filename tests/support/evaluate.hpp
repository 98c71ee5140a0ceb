#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "model/model.hpp"

namespace linnet::test {

struct Evaluation {
  std::vector<float> logits;  ///< [tokens, columns]; of an encoder the hidden states
  std::int64_t columns = 0;
  bool can_be_cut = true;  ///< no token sees later ones of its batch
};

/// The logits of all positions of one sequence, its tokens given in batches of `chunk` rows, the
/// first of them behind `input` (of a model that has one); its pages and its state slot are not the
/// first ones.
Result<Evaluation> evaluate(const std::filesystem::path& path, std::span<const LayerPlace> places,
                            std::span<const std::int32_t> tokens, std::int64_t chunk,
                            std::span<const std::int32_t> input = {},
                            std::span<const gguf::Lora> adapters = {});

/// The same, all layers in one backend.
Result<Evaluation> evaluate(const std::filesystem::path& path, Backend& backend,
                            std::span<const std::int32_t> tokens, std::int64_t chunk,
                            std::span<const std::int32_t> input = {},
                            std::span<const gguf::Lora> adapters = {});

}  // namespace linnet::test
