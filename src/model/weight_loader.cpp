#include "model/weight_loader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "gguf/tensor_values.hpp"
#include "model/tensor_bytes.hpp"

namespace linnet {
namespace {

// Calibration data and the like that some converters leave in a file.
bool is_known_and_unused(std::string_view name) { return name.ends_with(".input_scale"); }

// Dimensions of 1 do not matter, and a vector may be stored in any shape.
bool has_shape(const gguf::Tensor& tensor, std::span<const std::int64_t> shape) {
  if (shape.size() == 1) return tensor.elements() == shape[0];
  const auto without_ones = [](std::span<const std::int64_t> dimensions) {
    std::vector<std::int64_t> kept;
    std::copy_if(dimensions.begin(), dimensions.end(), std::back_inserter(kept),
                 [](std::int64_t dimension) { return dimension != 1; });
    return kept;
  };
  return without_ones(tensor.shape) == without_ones(shape);
}

// A matrix that is not one of several has two dimensions.
std::string shape_text(std::span<const std::int64_t> shape) {
  while (shape.size() > 2 && shape.back() == 1) shape = shape.first(shape.size() - 1);
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace

WeightLoader::WeightLoader(const gguf::File& file, Backend& backend, Progress progress)
    : file_(file), backend_(&backend), progress_(std::move(progress)) {
  for (const gguf::Tensor& tensor : file.tensors()) {
    total_bytes_ += static_cast<std::int64_t>(tensor.bytes.size());
  }
}

void WeightLoader::fail(std::string message) {
  if (!error_) error_ = Error{fmt::format("{}: {}", file_.path().string(), message)};
}

bool WeightLoader::is_ignored(std::string_view name) const {
  return std::any_of(ignored_.begin(), ignored_.end(), [&](std::string_view pattern) {
    if (!pattern.starts_with('*')) return name.starts_with(pattern);
    return name.ends_with(pattern.substr(1)) && !is_scale_of_nvfp4(name);
  });
}

bool WeightLoader::is_scale_of_nvfp4(std::string_view name) const {
  constexpr std::string_view kScale = ".scale";
  if (!name.ends_with(kScale)) return false;
  name.remove_suffix(kScale.size());
  const gguf::Tensor* const weight = file_.find_tensor(fmt::format("{}.weight", name));
  return weight && weight->format->type == TensorType::kNVFP4;
}

const gguf::Tensor* WeightLoader::find(const std::string& name, Presence presence,
                                       std::span<const std::int64_t> shape, Adaptable adaptable) {
  if (error_) return nullptr;
  const gguf::Tensor* tensor = is_ignored(name) ? nullptr : file_.find_tensor(name);
  if (!tensor) {
    if (presence == Presence::kRequired) fail(fmt::format("missing tensor {}", name));
    return nullptr;
  }
  const bool is_first_use = used_.insert(name).second;
  if (!has_shape(*tensor, shape)) {
    fail(fmt::format("tensor {} has shape {}, expected {}", name, tensor->shape_text(),
                     shape_text(shape)));
    return nullptr;
  }
  // A vector's shape may hide that a row of the matrix is no whole number of blocks.
  if (shape.size() > 1 && shape[0] % tensor->format->block_elements != 0) {
    fail(fmt::format("tensor {} has rows of {} values, expected a multiple of {}", name, shape[0],
                     tensor->format->block_elements));
    return nullptr;
  }
  if (adaptable == Adaptable::kNo && is_adapted(*tensor)) return nullptr;
  if (is_first_use) done_bytes_ += static_cast<std::int64_t>(tensor->bytes.size());
  if (progress_) progress_(done_bytes_, total_bytes_);
  return tensor;
}

std::vector<float> WeightLoader::values(const std::string& name, std::int64_t size,
                                        Presence presence) {
  const std::int64_t shape[] = {size};
  return dequantize(find(name, presence, shape));
}

std::vector<float> WeightLoader::matrix_values(const std::string& name, std::int64_t columns,
                                               std::int64_t rows) {
  const std::int64_t shape[] = {columns, rows};
  return dequantize(find(name, Presence::kRequired, shape));
}

std::vector<float> WeightLoader::dequantize(const gguf::Tensor* tensor) {
  if (!tensor) return {};
  std::vector<float> values = gguf::values_of(*tensor);
  if (std::ranges::any_of(values, [](float value) { return std::isnan(value); })) {
    fail(fmt::format("tensor {} has values that are NaN: the file is damaged", tensor->name));
  }
  return values;
}

std::unique_ptr<Buffer> WeightLoader::transposed(const std::string& name, std::int64_t columns,
                                                 std::int64_t rows, Presence presence) {
  const std::int64_t shape[] = {columns, rows};
  const std::vector<float> values = dequantize(find(name, presence, shape));
  std::vector<float> result(values.size());
  for (std::int64_t r = 0; r < rows && !values.empty(); ++r) {
    for (std::int64_t c = 0; c < columns; ++c) result[c * rows + r] = values[r * columns + c];
  }
  return upload(result);
}

// Null if there are none, or if there is no memory for them, which is an error.
std::unique_ptr<Buffer> WeightLoader::allocate(std::size_t numbers) {
  if (numbers == 0) return nullptr;
  auto buffer = backend_->allocate(static_cast<std::int64_t>(numbers));
  if (buffer) return std::move(*buffer);
  fail(buffer.error().message);
  return nullptr;
}

std::unique_ptr<Buffer> WeightLoader::upload(std::span<const float> values) {
  auto buffer = allocate(values.size());
  if (buffer) backend_->upload(values, buffer->data());
  return buffer;
}

std::unique_ptr<Buffer> WeightLoader::upload(std::span<const std::int32_t> values) {
  auto buffer = allocate(values.size());
  if (buffer) backend_->upload(values, as_integers(buffer->data()));
  return buffer;
}

std::unique_ptr<Buffer> WeightLoader::vector(const std::string& name, std::int64_t size,
                                             Presence presence) {
  return upload(values(name, size, presence));
}

Norm WeightLoader::norm(const std::string& stem, std::int64_t width, Presence presence) {
  Norm norm;
  // PLaMo 3 names some without the suffix.
  norm.weight = has(stem) ? vector(stem, width) : vector(stem + ".weight", width, presence);
  if (norm.weight) norm.bias = vector(stem + ".bias", width, Presence::kOptional);
  return norm;
}

HeadNorm WeightLoader::head_norm(const std::string& stem, std::int64_t heads,
                                 std::int64_t head_width) {
  const gguf::Tensor* tensor = file_.find_tensor(stem + ".weight");
  if (!tensor || is_ignored(tensor->name)) return {};
  const std::int64_t all = heads * head_width;
  if (tensor->elements() == head_width) return {norm(stem, head_width), head_width, false};
  if (tensor->shape[0] == all) return {norm(stem, all), all, false};

  // One row or one number for each head: spread out to all columns.
  const std::int64_t shape[] = {tensor->shape[0] == 1 ? 1 : head_width, heads};
  const auto spread = [&](const std::string& name, Presence presence) {
    const gguf::Tensor* of_heads = find(name, presence, shape);
    std::vector<float> columns;
    const std::vector<float> values = dequantize(of_heads);
    for (std::int64_t i = 0; of_heads && i < all; ++i) {
      columns.push_back(values[shape[0] == 1 ? i / head_width : i]);
    }
    return upload(columns);
  };
  auto weight = spread(stem + ".weight", Presence::kRequired);
  return {{std::move(weight), spread(stem + ".bias", Presence::kOptional)}, head_width, true};
}

std::int64_t WeightLoader::extent(const std::string& stem, std::size_t dimension) const {
  const gguf::Tensor* tensor = file_.find_tensor(stem + ".weight");
  return tensor ? tensor->shape[columns_dimension(*tensor) + dimension] : 0;
}

std::int64_t WeightLoader::elements(const std::string& stem) const {
  const gguf::Tensor* tensor = file_.find_tensor(stem + ".weight");
  return tensor ? tensor->elements() : 0;
}

Status WeightLoader::finish() const {
  if (error_) return *error_;
  if (is_part_) return {};
  for (const gguf::Tensor& tensor : file_.tensors()) {
    const bool known = used_.contains(std::string(tensor.name)) || is_ignored(tensor.name);
    if (!known && !is_known_and_unused(tensor.name)) {
      return Error{
          fmt::format("{}: tensor {} {} has no place in this architecture, so the model would be "
                      "computed wrongly",
                      file_.path().string(), tensor.name, tensor.shape_text())};
    }
  }
  for (const gguf::Lora& lora : adapters_) {
    if (used_adapters_.contains(&lora)) continue;
    return Error{fmt::format("{}: changes no tensor that this architecture uses, such as {}",
                             lora.file().path().string(), lora.pairs().begin()->first)};
  }
  return {};
}

}  // namespace linnet
