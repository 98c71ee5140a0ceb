#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/gguf_file.hpp"

namespace linnet::quantize {

/// What an adapter adds to a matrix of weights, once the two factors are in memory.
class LoraProduct {
 public:
  LoraProduct(const gguf::Tensor& a, const gguf::Tensor& b, float scale);

  /// Adds to the values [first, first + values.size()) of the matrix, in the file's order. Safe to
  /// call from several threads.
  void add_to(std::int64_t first, std::span<float> values) const;

 private:
  std::int64_t columns_, rows_, rank_;
  std::vector<float> a_;  // [slices][rank][columns]
  std::vector<float> b_;  // [slices][rows][rank], times the scale
};

/// A low-rank adapter (LoRA, https://arxiv.org/abs/2106.09685): weights become
///     W + strength * alpha / rank * B A
/// Read from a GGUF file as llama.cpp's `convert_lora_to_gguf.py` writes it: general.type
/// "adapter", adapter.type "lora", adapter.lora.alpha, and for the tensor NAME of the model
/// NAME.lora_a [columns, rank] and NAME.lora_b [rank, rows].
class Lora {
 public:
  /// An Error that says why where the file is no such adapter or `model` isn't the one it was made
  /// for. `model` must outlive the adapter.
  static Result<Lora> open(const std::filesystem::path& path, const gguf::File& model,
                           float strength);

  std::size_t matrices() const { return pairs_.size(); }
  bool changes(const gguf::Tensor& tensor) const { return pairs_.contains(tensor.name); }
  /// For a tensor of the model that it changes.
  LoraProduct product(const gguf::Tensor& tensor) const;
  /// Memory that product() takes; 0 for a tensor that it does not change.
  std::int64_t product_bytes(const gguf::Tensor& tensor) const;

 private:
  struct Pair {
    const gguf::Tensor *a = nullptr, *b = nullptr;
  };

  Lora(gguf::File file, float strength) : file_(std::move(file)), strength_(strength) {}
  Status check_kind(const gguf::File& model) const;
  Status find_pairs();
  Status check_shapes(const gguf::File& model) const;

  gguf::File file_;
  float strength_;
  float alpha_ = 0.0f;                      // 0: the product is not scaled by it and the rank
  std::map<std::string_view, Pair> pairs_;  // by the model's tensor
};

}  // namespace linnet::quantize
