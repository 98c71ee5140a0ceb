#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string_view>

#include "gguf/gguf_file.hpp"

namespace linnet::gguf {

/// Of an adapter, in either direction.
inline constexpr float kLargestStrength = 100.0f;

/// A low-rank adapter (LoRA, https://arxiv.org/abs/2106.09685): weights become
///     W + strength * alpha / rank * B A
/// Read from a GGUF file as llama.cpp's `convert_lora_to_gguf.py` writes it: general.type
/// "adapter", adapter.type "lora", adapter.lora.alpha, and for the tensor NAME of the model
/// NAME.lora_a [columns, rank] and NAME.lora_b [rank, rows].
class Lora {
 public:
  /// The two factors of what is added to a matrix.
  struct Pair {
    const Tensor *a = nullptr, *b = nullptr;

    std::int64_t rank() const { return b->shape[0]; }
    std::int64_t elements() const { return a->elements() + b->elements(); }
  };

  /// An Error that says why where the file is no such adapter or `model` isn't the one it was made
  /// for. What the factors hold is not looked at. Norms that the file holds are left out.
  static Result<Lora> open(const std::filesystem::path& path, const File& model, float strength);

  const File& file() const { return file_; }
  float strength() const { return strength_; }
  std::size_t matrices() const { return pairs_.size(); }
  /// By the model's tensor.
  const std::map<std::string_view, Pair>& pairs() const { return pairs_; }
  /// Null where the tensor of the model is not changed.
  const Pair* find(std::string_view tensor) const;
  /// The factor on the product of a pair, without the strength.
  float scale(const Pair& pair) const;

 private:
  Lora(File file, float strength) : file_(std::move(file)), strength_(strength) {}
  Status check_kind(const File& model) const;
  Status find_pairs();
  Status check_shapes(const File& model) const;

  File file_;
  float strength_;
  float alpha_ = 0.0f;  // 0: the product is not scaled by it and the rank
  std::map<std::string_view, Pair> pairs_;
};

/// What `loras` have together of ranks for the tensor of the model; 0 where none changes it.
std::int64_t rank_of(std::span<const Lora> loras, std::string_view tensor);

/// The largest of these.
std::int64_t largest_rank(std::span<const Lora> loras);

}  // namespace linnet::gguf
