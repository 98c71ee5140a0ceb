#include "quantize/lora.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet::quantize {
namespace {

using gguf::Tensor;

std::vector<float> values_of(const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  tensor.format->dequantize(tensor.bytes.data(), values.data(), tensor.elements());
  return values;
}

// Slices of [columns, rows]: matrices of experts.
std::int64_t slices_of(const Tensor& tensor) { return tensor.shape[2] * tensor.shape[3]; }

// Of the tensor that scales the weights of another, where there is one.
std::string scale_name(std::string_view name) {
  constexpr std::string_view kWeight = ".weight";
  if (name.ends_with(kWeight)) name.remove_suffix(kWeight.size());
  return std::string(name) + ".scale";
}

}  // namespace

LoraProduct::LoraProduct(const Tensor& a, const Tensor& b, float scale)
    : columns_(a.shape[0]),
      rows_(b.shape[1]),
      rank_(a.shape[1]),
      a_(values_of(a)),
      b_(values_of(b)) {
  for (float& value : b_) value *= scale;
}

void LoraProduct::add_to(std::int64_t first, std::span<float> values) const {
  while (!values.empty()) {
    const std::int64_t row = first / columns_, column = first % columns_;
    const auto count = std::min(columns_ - column, std::ssize(values));
    const float* const a = a_.data() + row / rows_ * rank_ * columns_ + column;
    for (std::int64_t k = 0; k < rank_; ++k) {
      const float factor = b_[static_cast<std::size_t>(row * rank_ + k)];
      for (std::int64_t c = 0; c < count; ++c) values[c] += factor * a[k * columns_ + c];
    }
    first += count;
    values = values.subspan(static_cast<std::size_t>(count));
  }
}

Result<Lora> Lora::open(const std::filesystem::path& path, const gguf::File& model,
                        float strength) {
  auto file = gguf::File::open(path);
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

Status Lora::check_kind(const gguf::File& model) const {
  const auto type = file_.string("general.type"), kind = file_.string("adapter.type");
  if (!type || type->value_or("") != "adapter" || !kind || kind->value_or("") != "lora") {
    return Error{"is no LoRA adapter (general.type \"adapter\" and adapter.type \"lora\")"};
  }
  if (file_.find("adapter.alora.invocation_tokens")) {
    return Error{"is an adapter that tokens of the text switch on, which can't be merged"};
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
  for (const Tensor& tensor : file_.tensors()) {
    const std::string_view of = tensor.name.substr(0, tensor.name.size() - kA.size());
    if (tensor.name.ends_with(kA)) {
      pairs_[of].a = &tensor;
    } else if (tensor.name.ends_with(kB)) {
      pairs_[of].b = &tensor;
    } else {
      return Error{fmt::format("tensor {} is no factor of a LoRA (.lora_a, .lora_b)", tensor.name)};
    }
  }
  for (const auto& [name, pair] : pairs_) {
    if (!pair.a || !pair.b) {
      return Error{fmt::format("tensor {}{} is missing", name, pair.a ? kB : kA)};
    }
  }
  if (pairs_.empty()) return Error{"has no tensors"};
  return {};
}

Status Lora::check_shapes(const gguf::File& model) const {
  for (const auto& [name, pair] : pairs_) {
    const Tensor* const weight = model.find_tensor(name);
    if (!weight) {
      return Error{
          fmt::format("changes tensor {}, which {} does not have", name, model.path().string())};
    }
    // What is added to the weights in the file would be scaled with them.
    const std::string scale = scale_name(name);
    if (model.find_tensor(scale)) {
      return Error{fmt::format(
          "changes tensor {}, which tensor {} scales, so that it can't be merged", name, scale)};
    }
    const Tensor &a = *pair.a, &b = *pair.b;
    const bool fits = a.shape[0] == weight->shape[0] && b.shape[1] == weight->shape[1] &&
                      a.shape[1] == b.shape[0] && slices_of(a) == slices_of(*weight) &&
                      slices_of(b) == slices_of(*weight);
    if (!fits) {
      return Error{fmt::format("factors {} and {} do not give the shape {} of tensor {}",
                               a.shape_text(), b.shape_text(), weight->shape_text(), name)};
    }
  }
  return {};
}

LoraProduct Lora::product(const Tensor& tensor) const {
  const Pair& pair = pairs_.at(tensor.name);
  const auto rank = static_cast<float>(pair.b->shape[0]);
  const float scale = alpha_ == 0.0f ? strength_ : strength_ * alpha_ / rank;
  return {*pair.a, *pair.b, scale};
}

std::int64_t Lora::product_bytes(const Tensor& tensor) const {
  const auto pair = pairs_.find(tensor.name);
  if (pair == pairs_.end()) return 0;
  const std::int64_t factors = pair->second.a->elements() + pair->second.b->elements();
  return factors * std::int64_t{sizeof(float)};
}

}  // namespace linnet::quantize
