#include "gguf/lora.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet::gguf {
namespace {

// Slices of [columns, rows]: matrices of experts.
std::int64_t slices_of(const Tensor& tensor) { return tensor.shape[2] * tensor.shape[3]; }

// Of the tensor that scales the weights of another, where there is one.
std::string scale_name(std::string_view name) {
  constexpr std::string_view kWeight = ".weight";
  if (name.ends_with(kWeight)) name.remove_suffix(kWeight.size());
  return std::string(name) + ".scale";
}

// Whether the product of the factors has the shape of `weight`, the tensor `name`.
bool give_shape(const Lora::Pair& pair, std::string_view name, const Tensor& weight) {
  const Tensor &a = *pair.a, &b = *pair.b;
  const auto fit = [&](std::int64_t columns, std::int64_t rows, std::int64_t rank) {
    return columns == weight.shape[0] && rows == weight.shape[1] && rank == pair.rank() &&
           slices_of(a) == slices_of(weight) && slices_of(b) == slices_of(weight);
  };
  if (fit(a.shape[0], b.shape[1], a.shape[1])) return true;
  // Of an embedding table, lora_a is [rank, rows] and lora_b [rank, columns].
  return name == "token_embd.weight" && fit(b.shape[1], a.shape[1], a.shape[0]);
}

}  // namespace

Result<Lora> Lora::open(const std::filesystem::path& path, const File& model, float strength) {
  auto file = File::open(path);
  if (!file) return file.error();
  Lora lora(std::move(*file), strength);
  const auto alpha = lora.file_.number("adapter.lora.alpha");
  if (!alpha) return alpha.error();
  lora.alpha_ = static_cast<float>(alpha->value_or(0.0));
  Status status = lora.check_kind(model);
  if (status) status = lora.find_pairs();
  if (status) status = lora.check_shapes(model);
  if (!status) return Error{fmt::format("{}: {}", path.string(), status.error().message)};
  return lora;
}

Status Lora::check_kind(const File& model) const {
  const auto type = file_.string("general.type"), kind = file_.string("adapter.type");
  if (!type || type->value_or("") != "adapter" || !kind || kind->value_or("") != "lora") {
    return Error{"is no LoRA adapter (general.type \"adapter\" and adapter.type \"lora\")"};
  }
  if (file_.find("adapter.alora.invocation_tokens")) {
    return Error{
        "is an adapter that tokens of the text switch on (aLoRA), expected one that is always on"};
  }
  const auto own = file_.string("general.architecture");
  const auto models = model.string("general.architecture");
  if (!own || !models || *own != *models) {
    return Error{
        fmt::format("was made for another architecture than that of {}", model.path().string())};
  }
  return {};
}

Status Lora::find_pairs() {
  constexpr std::string_view kA = ".lora_a", kB = ".lora_b";
  // Whether norms, which mergekit puts there, stand in the place of the model's or are added to
  // them no file says. llama.cpp leaves them out, too.
  for (const Tensor& tensor : file_.tensors()) {
    const std::string_view of = tensor.name.substr(0, tensor.name.size() - kA.size());
    if (tensor.name.ends_with(kA)) {
      pairs_[of].a = &tensor;
    } else if (tensor.name.ends_with(kB)) {
      pairs_[of].b = &tensor;
    } else if (!tensor.name.ends_with("_norm.weight")) {
      return Error{fmt::format("tensor {} is no factor of a LoRA (.lora_a, .lora_b)", tensor.name)};
    }
  }
  for (const auto& [name, pair] : pairs_) {
    if (!pair.a || !pair.b) {
      return Error{fmt::format("tensor {}{} is missing", name, pair.a ? kB : kA)};
    }
  }
  if (pairs_.empty()) return Error{"has no factors of a LoRA (.lora_a, .lora_b)"};
  return {};
}

Status Lora::check_shapes(const File& model) const {
  for (const auto& [name, pair] : pairs_) {
    const Tensor* const weight = model.find_tensor(name);
    if (!weight) {
      return Error{
          fmt::format("changes tensor {}, which {} does not have", name, model.path().string())};
    }
    // What is added to the weights in the file would be scaled with them. (Such a factor is one
    // number for each matrix; that of Gemma 4's router is a norm.)
    const std::string scale = scale_name(name);
    const Tensor* const factors = model.find_tensor(scale);
    if (factors && factors->shape[0] == weight->shape[2]) {
      return Error{fmt::format(
          "changes tensor {}, which tensor {} scales, so that it can't be applied", name, scale)};
    }
    const Tensor &a = *pair.a, &b = *pair.b;
    if (!give_shape(pair, name, *weight)) {
      return Error{fmt::format("factors {} and {} do not give the shape {} of tensor {}",
                               a.shape_text(), b.shape_text(), weight->shape_text(), name)};
    }
  }
  return {};
}

const Lora::Pair* Lora::find(std::string_view tensor) const {
  const auto pair = pairs_.find(tensor);
  return pair == pairs_.end() ? nullptr : &pair->second;
}

float Lora::scale(const Pair& pair) const {
  return alpha_ == 0.0f ? 1.0f : alpha_ / static_cast<float>(pair.rank());
}

std::int64_t rank_of(std::span<const Lora> loras, std::string_view tensor) {
  std::int64_t rank = 0;
  for (const Lora& lora : loras) {
    if (const Lora::Pair* const pair = lora.find(tensor)) rank += pair->rank();
  }
  return rank;
}

std::int64_t largest_rank(std::span<const Lora> loras) {
  std::int64_t largest = 0;
  for (const Lora& lora : loras) {
    for (const auto& [tensor, pair] : lora.pairs()) {
      largest = std::max(largest, rank_of(loras, tensor));
    }
  }
  return largest;
}

}  // namespace linnet::gguf
