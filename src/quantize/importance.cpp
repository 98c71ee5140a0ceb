#include "quantize/importance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/machine.hpp"
#include "gguf/gguf_writer.hpp"
#include "gguf/tensor_values.hpp"
#include "quantize/dat_importance.hpp"

namespace linnet::quantize {
namespace {

using gguf::Tensor;

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr std::string_view kType = "imatrix";
constexpr std::array<std::string_view, 3> kKeys = {"imatrix.datasets", "imatrix.chunk_count",
                                                   "imatrix.chunk_size"};
// Of a column whose inputs are zero: nothing is lost there, but no division may be by zero.
constexpr float kLeastWeight = 1e-6f;

Error in_file(const gguf::File& file, std::string message) {
  return Error{fmt::format("{}: {}", file.path().string(), message)};
}

Status check_type(const gguf::File& file) {
  const auto type = file.string("general.type");
  if (!type) return type.error();
  if (type->value_or("") == kType) return {};
  // Others than llama-imatrix write files that say by these keys alone what they are.
  const bool has_keys =
      std::ranges::all_of(kKeys, [&](std::string_view key) { return file.find(key) != nullptr; });
  if (!*type && has_keys) return {};
  return in_file(file, fmt::format("is no importance matrix: general.type is '{}', expected '{}'",
                                   type->value_or(""), kType));
}

// Whether all values have room in memory: as doubles, and those of a tensor as floats before.
Status check_memory(const gguf::File& file) {
  std::int64_t values = 0;
  for (const Tensor& tensor : file.tensors()) values += tensor.elements();
  const std::int64_t needed_bytes = values * std::int64_t{sizeof(float) + sizeof(double)};
  return check_free_memory(needed_bytes, file.path().string() + ": its values");
}

Result<std::vector<double>> values_of(const gguf::File& file, const Tensor& tensor) {
  if (tensor.format->type != TensorType::kF32) {
    return in_file(file, fmt::format("tensor {} is of type {}, expected F32", tensor.name,
                                     tensor.format->name));
  }
  const std::vector<float> values = gguf::values_of(tensor);
  const bool fits = std::ranges::all_of(values, [](float v) { return std::isfinite(v) && v >= 0; });
  if (fits) return std::vector<double>(values.begin(), values.end());
  return in_file(
      file, fmt::format("tensor {} has a value that is no finite number from 0 on", tensor.name));
}

Result<Importance::Squares> read_squares(const gguf::File& file, const Tensor& sums) {
  const std::string name(sums.name.substr(0, sums.name.size() - kSums.size()));
  const Tensor* const counts = file.find_tensor(name + std::string(kCounts));
  if (!counts) return in_file(file, fmt::format("missing tensor {}{}", name, kCounts));
  Importance::Squares squares;
  auto sum_values = values_of(file, sums);
  if (!sum_values) return sum_values.error();
  auto count_values = values_of(file, *counts);
  if (!count_values) return count_values.error();
  squares.sums = std::move(*sum_values);
  squares.counts = std::move(*count_values);
  const std::int64_t slices = sums.elements() / std::max<std::int64_t>(sums.shape[0], 1);
  if (std::ssize(squares.counts) != 1 && std::ssize(squares.counts) != slices) {
    return in_file(file, fmt::format("tensor {} has {} values, expected 1 or {}", counts->name,
                                     squares.counts.size(), slices));
  }
  return squares;
}

std::vector<std::byte> as_bytes(const std::vector<double>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<float>(values[i]);
    std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
  }
  return bytes;
}

}  // namespace

Result<Importance> Importance::read(const std::filesystem::path& path) {
  auto older = read_dat_importance(path);
  if (!older) return older.error();
  Importance importance;
  if (*older) {
    importance.squares_ = std::move(**older);
    return importance;
  }
  const auto file = gguf::File::open(path);
  if (!file) return file.error();
  if (Status status = check_type(*file); !status) return status.error();
  if (Status status = check_memory(*file); !status) return status.error();
  for (const Tensor& tensor : file->tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    auto squares = read_squares(*file, tensor);
    if (!squares) return squares.error();
    const std::string_view name = tensor.name.substr(0, tensor.name.size() - kSums.size());
    importance.squares_.emplace(name, std::move(*squares));
  }
  if (importance.squares_.empty()) {
    return in_file(*file, fmt::format("has no tensor NAME{}", kSums));
  }
  return importance;
}

Status Importance::write(const std::filesystem::path& path, const Reading& reading) const {
  gguf::Writer writer;
  writer.add_string("general.type", kType);
  const std::vector<std::string> texts = {reading.text};
  writer.add_strings(kKeys[0], texts);
  writer.add_integer(kKeys[1], gguf::ValueType::kUint32, reading.windows);
  writer.add_integer(kKeys[2], gguf::ValueType::kUint32, reading.window_tokens);
  std::vector<const std::vector<double>*> values;
  const Format& f32 = *find_format(TensorType::kF32);
  for (const auto& [name, squares] : squares_) {
    const auto slices = std::ssize(squares.counts);
    const std::int64_t sums_shape[] = {std::ssize(squares.sums) / slices, slices};
    const std::int64_t counts_shape[] = {1, slices};
    writer.add_tensor(fmt::format("{}{}", name, kSums), f32, sums_shape);
    writer.add_tensor(fmt::format("{}{}", name, kCounts), f32, counts_shape);
    values.push_back(&squares.sums);
    values.push_back(&squares.counts);
  }
  return writer.write(path, [&](std::size_t index, const gguf::Writer::Sink& sink) {
    return sink(as_bytes(*values[index]));
  });
}

void Importance::add(const ProductObserver::Product& product) {
  Squares& squares = squares_[product.weight.tensor];
  const std::size_t columns = static_cast<std::size_t>(product.in.columns);
  if (squares.sums.empty()) {
    squares.counts.resize(static_cast<std::size_t>(product.weight.slices));
    squares.sums.resize(squares.counts.size() * columns);
  }
  double* const sums = squares.sums.data() + static_cast<std::size_t>(product.slice) * columns;
  for (std::int64_t r = 0; r < product.in.rows; ++r) {
    const float* const row = product.in.row(r);
    for (std::size_t c = 0; c < columns; ++c) sums[c] += double{row[c]} * row[c];
  }
  squares.counts[static_cast<std::size_t>(product.slice)] += static_cast<double>(product.in.rows);
}

Status Importance::check_finite() const {
  constexpr double kMost = std::numeric_limits<float>::max();  // of the file
  for (const auto& [name, squares] : squares_) {
    if (std::ranges::all_of(squares.sums, [](double sum) { return sum <= kMost; })) continue;
    return Error{
        fmt::format("what tensor {} is multiplied with is not finite, or too large", name)};
  }
  return {};
}

const Importance::Squares* Importance::find(std::string_view tensor) const {
  const auto found = squares_.find(tensor);
  return found == squares_.end() ? nullptr : &found->second;
}

Status Importance::check_fits(const gguf::File& model) const {
  bool any = false;
  for (const Tensor& tensor : model.tensors()) {
    const Squares* const squares = find(tensor.name);
    if (!squares) continue;
    any = true;
    const std::int64_t slices = tensor.shape[2] * tensor.shape[3];
    const std::int64_t counts = std::ssize(squares->counts);
    if (std::ssize(squares->sums) != slices * tensor.shape[0]) {
      return Error{fmt::format("the importance of tensor {} has {} values, but the tensor is {}",
                               tensor.name, squares->sums.size(), tensor.shape_text())};
    }
    if (counts != 1 && counts != slices) {
      return Error{fmt::format("the importance of tensor {} has {} counts, but the tensor is {}",
                               tensor.name, counts, tensor.shape_text())};
    }
  }
  if (any) return {};
  return Error{fmt::format("the importance matrix names no tensor of {}: it is another model's",
                           model.path().string())};
}

std::int64_t Importance::unknown_to(const gguf::File& model) const {
  return std::ranges::count_if(
      squares_, [&](const auto& known) { return model.find_tensor(known.first) == nullptr; });
}

ColumnWeights::ColumnWeights(const Importance::Squares& squares, const Tensor& tensor)
    : columns_(tensor.shape[0]), slice_elements_(columns_ * tensor.shape[1]) {
  const auto columns = static_cast<std::size_t>(columns_);
  for (std::size_t first = 0; first < squares.sums.size(); first += columns) {
    const std::span sums = std::span(squares.sums).subspan(first, columns);
    const double count = squares.counts[squares.counts.size() == 1 ? 0 : first / columns];
    double sum = 0.0;
    for (const double square : sums) sum += square;
    const bool is_known = count > 0.0 && sum > 0.0;
    for (const double square : sums) {
      const double weight = is_known ? square * static_cast<double>(columns) / sum : 1.0;
      weights_.push_back(std::max(static_cast<float>(weight), kLeastWeight));
    }
  }
}

void ColumnWeights::fill(std::int64_t first, std::span<float> weights) const {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int64_t place = first + static_cast<std::int64_t>(i);
    weights[i] =
        weights_[static_cast<std::size_t>(place / slice_elements_ * columns_ + place % columns_)];
  }
}

}  // namespace linnet::quantize
