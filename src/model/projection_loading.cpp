// The matrices that a WeightLoader brings into a backend, and what belongs to them.

#include <fmt/format.h>

#include <algorithm>

#include "model/weight_loader.hpp"

namespace linnet {

std::unique_ptr<Matrix> WeightLoader::upload_matrix(const std::string& what,
                                                    const MatrixSource& source) {
  if (error_) return nullptr;
  auto uploaded = backend_->upload(source);
  if (uploaded) return std::move(*uploaded);
  fail(fmt::format("{}: {}", what, uploaded.error().message));
  return nullptr;
}

std::unique_ptr<Matrix> WeightLoader::upload_matrix(const std::string& what,
                                                    std::span<const float> values,
                                                    std::int64_t columns) {
  return upload_matrix(what, {.format = find_format(TensorType::kF32),
                              .bytes = std::as_bytes(values).data(),
                              .columns = columns,
                              .rows = std::ssize(values) / columns});
}

std::shared_ptr<const Matrix> WeightLoader::matrix(const std::string& name, std::int64_t columns,
                                                   std::int64_t rows, std::int64_t slices,
                                                   Presence presence, Adaptable adaptable) {
  const std::int64_t shape[] = {columns, rows, slices};
  const gguf::Tensor* tensor = find(name, presence, shape, adaptable);
  if (!tensor) return nullptr;
  auto uploaded = upload_matrix(
      "tensor " + name, {.format = tensor->format,
                         .bytes = tensor->bytes.data(),
                         .columns = columns,
                         .rows = rows,
                         .slices = slices,
                         .lasting = slices > 1,  // experts that are never used are never read
                         .name = fmt::format("{}: tensor {}", file_.path().string(), name),
                         .weight = {name, 0, slices}});
  if (uploaded) file_.release(*tensor);
  return uploaded;
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
  if (order != ScaleOrder::kNone) linear.scale = scale(stem);
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
  return linear_rows(stem, columns, all_rows, {rows, first});
}

Linear WeightLoader::reordered(const std::string& stem, std::int64_t columns,
                               std::int64_t file_rows, std::span<const std::int64_t> order) {
  return linear_rows(stem, columns, file_rows, {std::ssize(order), 0, order});
}

Linear WeightLoader::linear_rows(const std::string& stem, std::int64_t columns,
                                 std::int64_t file_rows, const Rows& rows) {
  const std::string name = stem + ".weight";
  const std::int64_t shape[] = {columns, file_rows};
  const gguf::Tensor* tensor = find(name, Presence::kRequired, shape, Adaptable::kYes);
  if (!tensor) return {};
  if (rows.order.empty() && rows.first + rows.count > file_rows) {
    fail(fmt::format("tensor {} has {} rows, expected at least {}", name, file_rows,
                     rows.first + rows.count));
    return {};
  }
  const std::int64_t row_bytes = tensor->format->size_bytes(columns);
  std::vector<std::byte> ordered;
  ordered.reserve(row_bytes * rows.order.size());
  for (const std::int64_t row : rows.order) {
    const std::byte* const from = tensor->bytes.data() + row * row_bytes;
    ordered.insert(ordered.end(), from, from + row_bytes);
  }
  Linear linear;
  linear.weight = upload_matrix(
      "tensor " + name,
      {.format = tensor->format,
       .bytes = rows.order.empty() ? tensor->bytes.data() + rows.first * row_bytes : ordered.data(),
       .columns = columns,
       .rows = rows.count,
       .weight = {name}});
  if (!linear.weight) return {};
  linear.adapter = adapter(name, columns, rows);
  linear.scale = scale(stem);
  const std::vector<float> bias = values(stem + ".bias", file_rows, Presence::kOptional);
  std::vector<float> own;
  for (std::int64_t r = 0; r < rows.count && !bias.empty(); ++r) {
    own.push_back(bias[rows.in_file(r)]);
  }
  linear.bias = upload(own);
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
  const std::string name = stem + ".weight";
  const std::int64_t shape[] = {columns, rows, count};
  const gguf::Tensor* tensor = find(name, presence, shape);
  if (!tensor) return {};
  const std::int64_t slice_bytes = tensor->format->size_bytes(columns * rows);
  std::vector<Linear> result;
  for (std::int64_t i = 0; i < count; ++i) {
    Linear& slice = result.emplace_back();
    slice.weight = upload_matrix("tensor " + name, {.format = tensor->format,
                                                    .bytes = tensor->bytes.data() + i * slice_bytes,
                                                    .columns = columns,
                                                    .rows = rows,
                                                    .weight = {name, i, count}});
    if (!slice.weight) return {};
  }
  return result;
}

}  // namespace linnet
