#include "model/weight_loader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "formats/magnitude.hpp"
#include "gguf/tensor_values.hpp"
#include "model/hyperparameters.hpp"

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
    return pattern.starts_with('*') ? name.ends_with(pattern.substr(1)) : name.starts_with(pattern);
  });
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

// Keeps an error where it is.
bool WeightLoader::is_adapted(const gguf::Tensor& tensor) {
  for (const gguf::Lora& lora : adapters_) {
    if (!lora.find(tensor.name)) continue;
    refuse_adapter(lora, tensor.name);
    return true;
  }
  return false;
}

void WeightLoader::refuse_adapter(const gguf::Lora& lora, std::string_view tensor) {
  if (error_) return;
  error_ = Error{fmt::format(
      "{}: changes tensor {}, which can't be adapted while a model runs; `linnet quantize --lora` "
      "merges the adapter into the model",
      lora.file().path().string(), tensor)};
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
    fail(
        fmt::format("tensor {} has values that are no numbers: the file is damaged", tensor->name));
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

std::unique_ptr<Buffer> WeightLoader::upload(std::span<const float> values) {
  if (values.empty()) return nullptr;
  auto buffer = backend_->allocate(static_cast<std::int64_t>(values.size()));
  if (!buffer) {
    fail(buffer.error().message);
    return nullptr;
  }
  backend_->upload(values, (*buffer)->data());
  return std::move(*buffer);
}

std::unique_ptr<Buffer> WeightLoader::vector(const std::string& name, std::int64_t size,
                                             Presence presence) {
  return upload(values(name, size, presence));
}

std::shared_ptr<const Matrix> WeightLoader::matrix(const std::string& name, std::int64_t columns,
                                                   std::int64_t rows, std::int64_t slices,
                                                   Presence presence, Adaptable adaptable) {
  const std::int64_t shape[] = {columns, rows, slices};
  const gguf::Tensor* tensor = find(name, presence, shape, adaptable);
  if (!tensor) return nullptr;
  // Experts that are never used are never read.
  const bool lasting = slices > 1;
  auto uploaded = backend_->upload(
      MatrixSource{.format = tensor->format,
                   .bytes = tensor->bytes.data(),
                   .columns = columns,
                   .rows = rows,
                   .slices = slices,
                   .lasting = lasting,
                   .name = fmt::format("{}: tensor {}", file_.path().string(), name),
                   .weight = {name, 0, slices}});
  if (!uploaded) {
    fail(fmt::format("tensor {}: {}", name, uploaded.error().message));
    return nullptr;
  }
  file_.release(*tensor);
  return std::shared_ptr<const Matrix>(std::move(*uploaded));
}

// The factors of all adapters side by side: their ranks add up.
LowRank WeightLoader::adapter(const std::string& name, std::int64_t columns, const Rows& rows) {
  const std::int64_t rank = gguf::rank_of(adapters_, name);
  if (rank == 0 || error_) return {};
  const std::int64_t most = std::min(std::max(columns, rows.count), Hyperparameters::kWidest);
  if (rank > most) {
    fail(fmt::format("the adapters of tensor {} have a rank of {}, expected at most {}", name, rank,
                     most));
    return {};
  }
  adapter_rank_ = std::max(adapter_rank_, rank);
  std::vector<float> low;                                                // [rank][columns]
  std::vector<float> high(static_cast<std::size_t>(rows.count * rank));  // [rows][rank]
  low.reserve(static_cast<std::size_t>(rank * columns));
  // The file's shape may have dimensions of 1 elsewhere.
  const std::int64_t file_rows = file_.find_tensor(name)->elements() / columns;
  for (const gguf::Lora& lora : adapters_) {
    const gguf::Lora::Pair* const pair = lora.find(name);
    if (!pair) continue;
    const bool fits = pair->a->shape[0] == columns &&
                      pair->a->elements() == pair->rank() * columns &&
                      pair->b->elements() == pair->rank() * file_rows;
    if (!fits) {
      error_ = Error{fmt::format(
          "{}: its factors for tensor {} are [{}, {}] and [{}, {}], expected {} inputs and {} "
          "outputs",
          lora.file().path().string(), name, pair->a->shape[0],
          pair->a->elements() / pair->a->shape[0], pair->b->shape[0],
          pair->b->elements() / pair->b->shape[0], columns, file_rows)};
      return {};
    }
    add_factors(lora, *pair, rows, low, high);
  }
  const std::string what = fmt::format("an adapter of tensor {}", name);
  return {upload_matrix(what, low, columns), upload_matrix(what, high, rank)};
}

// Puts those of one adapter behind what `low` and the rows of `high` hold.
void WeightLoader::add_factors(const gguf::Lora& lora, const gguf::Lora::Pair& pair,
                               const Rows& rows, std::vector<float>& low, std::span<float> high) {
  const std::int64_t columns = pair.a->shape[0], all = std::ssize(high) / rows.count;
  const std::int64_t first = std::ssize(low) / columns, rank = pair.rank();
  const std::vector<float> a = gguf::values_of(*pair.a), b = gguf::values_of(*pair.b);
  const float scale = lora.scale(pair);
  low.insert(low.end(), a.begin(), a.end());
  for (std::int64_t row = 0; row < rows.count; ++row) {
    const float* const from = b.data() + rows.in_file(row) * rank;
    std::transform(from, from + rank, high.begin() + row * all + first,
                   [&](float value) { return value * scale; });
  }
  const gguf::Tensor* const wrong = !formats::are_finite(a)      ? pair.a
                                    : !formats::are_finite(high) ? pair.b
                                                                 : nullptr;
  if (wrong && !error_) {
    error_ = Error{fmt::format("{}: tensor {} holds{} a value that is not finite",
                               lora.file().path().string(), wrong->name,
                               wrong == pair.b ? ", times its scale," : "")};
  }
  lora.file().release(*pair.a);
  lora.file().release(*pair.b);
}

std::unique_ptr<Matrix> WeightLoader::upload_matrix(const std::string& what,
                                                    std::span<const float> values,
                                                    std::int64_t columns) {
  if (error_) return nullptr;
  auto uploaded = backend_->upload(MatrixSource{.format = find_format(TensorType::kF32),
                                                .bytes = std::as_bytes(values).data(),
                                                .columns = columns,
                                                .rows = std::ssize(values) / columns});
  if (uploaded) return std::move(*uploaded);
  fail(fmt::format("{}: {}", what, uploaded.error().message));
  return nullptr;
}

Linear WeightLoader::projection(const std::string& name, std::span<const float> values,
                                std::int64_t columns) {
  Linear linear;
  if (!values.empty()) linear.weight = upload_matrix("tensor " + name, values, columns);
  return linear;
}

float WeightLoader::scale(const std::string& stem) {
  const std::vector<float> scale = values(stem + ".scale", 1, Presence::kOptional);
  return scale.empty() ? 1.0f : scale[0];
}

Clip::Range WeightLoader::range(const std::string& stem) {
  Clip::Range range;
  const std::vector<float> least = values(stem + "_min", 1, Presence::kOptional);
  const std::vector<float> most = values(stem + "_max", 1, Presence::kOptional);
  if (!least.empty()) range.least = least[0];
  if (!most.empty()) range.most = most[0];
  if (range.least > range.most) {
    fail(fmt::format("tensor {}_min has {}, expected at most the {} of {}_max", stem, range.least,
                     range.most, stem));
  }
  return range;
}

std::optional<Clip> WeightLoader::clip(const std::string& stem) {
  constexpr std::string_view kBounds[] = {".input_min", ".input_max", ".output_min", ".output_max"};
  const auto is_there = [&](std::string_view bound) { return has(stem + std::string(bound)); };
  if (std::ranges::none_of(kBounds, is_there)) return std::nullopt;
  return Clip{range(stem + ".input"), range(stem + ".output")};
}

Linear WeightLoader::linear(const std::string& stem, std::int64_t columns, std::int64_t rows,
                            Presence presence, ScaleOrder order) {
  Linear linear;
  linear.weight = matrix(stem + ".weight", columns, rows, 1, presence, Adaptable::kYes);
  if (!linear.weight) return linear;
  linear.adapter = adapter(stem + ".weight", columns, {rows});
  linear.scale = scale(stem);
  std::vector<float> bias = values(stem + ".bias", rows, Presence::kOptional);
  if (order == ScaleOrder::kAfterBias) {
    for (float& value : bias) value *= linear.scale;
  }
  linear.bias = upload(bias);
  linear.clip = clip(stem);
  if (linear.clip) clipped_columns_ = std::max(clipped_columns_, columns + rows);
  return linear;
}

Linear WeightLoader::linear_part(const std::string& stem, std::int64_t columns,
                                 std::int64_t all_rows, std::int64_t first, std::int64_t rows) {
  const std::int64_t shape[] = {columns, all_rows};
  Linear linear;
  const gguf::Tensor* tensor = find(stem + ".weight", Presence::kRequired, shape, Adaptable::kYes);
  if (!tensor) return linear;
  if (first + rows > all_rows) {
    fail(fmt::format("tensor {}.weight has {} rows, expected at least {}", stem, all_rows,
                     first + rows));
    return linear;
  }
  const std::byte* bytes = tensor->bytes.data() + tensor->format->size_bytes(columns * first);
  auto uploaded = backend_->upload(MatrixSource{.format = tensor->format,
                                                .bytes = bytes,
                                                .columns = columns,
                                                .rows = rows,
                                                .weight = {stem + ".weight"}});
  if (!uploaded) {
    fail(fmt::format("tensor {}.weight: {}", stem, uploaded.error().message));
    return linear;
  }
  linear.weight = std::move(*uploaded);
  linear.adapter = adapter(stem + ".weight", columns, {rows, first});
  linear.scale = scale(stem);
  const std::vector<float> bias = values(stem + ".bias", all_rows, Presence::kOptional);
  if (!bias.empty()) linear.bias = upload({bias.data() + first, static_cast<std::size_t>(rows)});
  return linear;
}

Linear WeightLoader::reordered(const std::string& stem, std::int64_t columns,
                               std::int64_t file_rows, std::span<const std::int64_t> order) {
  const std::int64_t shape[] = {columns, file_rows};
  const gguf::Tensor* tensor = find(stem + ".weight", Presence::kRequired, shape, Adaptable::kYes);
  if (!tensor) return {};
  const auto row_bytes = static_cast<std::size_t>(tensor->format->size_bytes(columns));
  std::vector<std::byte> bytes(row_bytes * order.size());
  for (std::size_t r = 0; r < order.size(); ++r) {
    std::memcpy(bytes.data() + r * row_bytes, tensor->bytes.data() + order[r] * row_bytes,
                row_bytes);
  }
  Linear linear;
  auto uploaded = backend_->upload(MatrixSource{.format = tensor->format,
                                                .bytes = bytes.data(),
                                                .columns = columns,
                                                .rows = static_cast<std::int64_t>(order.size()),
                                                .weight = {stem + ".weight"}});
  if (!uploaded) {
    fail(fmt::format("tensor {}.weight: {}", stem, uploaded.error().message));
    return linear;
  }
  linear.weight = std::move(*uploaded);
  linear.adapter = adapter(stem + ".weight", columns, {std::ssize(order), 0, order});
  linear.scale = scale(stem);
  const std::vector<float> bias = values(stem + ".bias", file_rows, Presence::kOptional);
  std::vector<float> ordered;
  for (std::size_t r = 0; r < order.size() && !bias.empty(); ++r) ordered.push_back(bias[order[r]]);
  linear.bias = upload(ordered);
  return linear;
}

std::shared_ptr<const Matrix> WeightLoader::table(const std::string& stem, std::int64_t columns,
                                                  std::int64_t rows) {
  return matrix(stem + ".weight", columns, rows, 1, Presence::kRequired);
}

Linear WeightLoader::experts(const std::string& stem, std::int64_t columns, std::int64_t rows,
                             std::int64_t experts, Presence presence) {
  Linear linear;
  // Adapters are named without the suffix.
  linear.weight = matrix(has(stem) ? stem : stem + ".weight", columns, rows, experts, presence);
  if (!linear.weight) return linear;
  const std::int64_t bias_shape[] = {rows, experts};
  linear.bias = upload(dequantize(find(stem + ".bias", Presence::kOptional, bias_shape)));
  linear.expert_scales = vector(stem + ".scale", experts, Presence::kOptional);
  return linear;
}

std::vector<Linear> WeightLoader::slices(const std::string& stem, std::int64_t columns,
                                         std::int64_t rows, std::int64_t count, Presence presence) {
  const std::int64_t shape[] = {columns, rows, count};
  std::vector<Linear> result;
  const gguf::Tensor* tensor = find(stem + ".weight", presence, shape);
  if (!tensor) return result;
  const std::int64_t slice_bytes = tensor->format->size_bytes(columns * rows);
  for (std::int64_t i = 0; i < count; ++i) {
    auto uploaded = backend_->upload(MatrixSource{.format = tensor->format,
                                                  .bytes = tensor->bytes.data() + i * slice_bytes,
                                                  .columns = columns,
                                                  .rows = rows,
                                                  .weight = {stem + ".weight", i, count}});
    if (!uploaded) {
      fail(fmt::format("tensor {}.weight: {}", stem, uploaded.error().message));
      return {};
    }
    result.emplace_back().weight = std::move(*uploaded);
  }
  return result;
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

std::int64_t WeightLoader::rows(const std::string& stem) const {
  const gguf::Tensor* tensor = file_.find_tensor(stem + ".weight");
  return tensor ? tensor->shape[1] : 0;
}

std::int64_t WeightLoader::columns(const std::string& stem) const {
  const gguf::Tensor* tensor = file_.find_tensor(stem + ".weight");
  return tensor ? tensor->shape[0] : 0;
}

std::int64_t WeightLoader::elements(const std::string& stem) const {
  const gguf::Tensor* tensor = file_.find_tensor(stem + ".weight");
  return tensor ? tensor->elements() : 0;
}

Status WeightLoader::finish() const {
  if (error_) return *error_;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    const bool known = used_.contains(std::string(tensor.name)) || is_ignored(tensor.name);
    if (!known && !is_known_and_unused(tensor.name)) {
      return Error{
          fmt::format("{}: tensor {} {} has no place in this architecture, so the model would be "
                      "computed wrongly",
                      file_.path().string(), tensor.name, tensor.shape_text())};
    }
  }
  return {};
}

}  // namespace linnet
