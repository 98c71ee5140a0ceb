#include "generate/embedding.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace linnet {
namespace {

// By the numbers of https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h: none, mean,
// CLS (the first token), last.
constexpr std::array kPoolings = {Pooling::kMean, Pooling::kMean, Pooling::kFirst, Pooling::kLast};

}  // namespace

std::string_view pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kFirst:
      return "first";
    case Pooling::kLast:
      return "last";
  }
  return "";
}

Result<Pooling> model_pooling(const gguf::File& file) {
  const auto architecture = file.string("general.architecture");
  if (!architecture) return architecture.error();
  const std::string key = fmt::format("{}.pooling_type", architecture->value_or(""));
  const auto type = file.integer(key);
  if (!type) return type.error();
  if (!*type) return Pooling::kMean;
  if (**type < 0 || **type >= std::ssize(kPoolings)) {
    return Error{fmt::format("{}: {} is {}, expected 0 (none), 1 (mean), 2 (first) or 3 (last)",
                             file.path().string(), key, **type)};
  }
  return kPoolings[static_cast<std::size_t>(**type)];
}

void Embedding::add(std::int64_t position, std::span<const float> states, std::int64_t width) {
  const auto columns = static_cast<std::size_t>(width);
  if (position == 0) sum_.assign(columns, 0.0);
  for (std::size_t row = 0; row < states.size() / columns; ++row) {
    const bool is_first = position == 0 && row == 0;
    if (pooling_ == Pooling::kFirst && !is_first) return;
    if (pooling_ == Pooling::kLast) sum_.assign(columns, 0.0);
    for (std::size_t i = 0; i < columns; ++i) sum_[i] += states[row * columns + i];
  }
}

std::vector<float> Embedding::vector() const {
  double squares = 0.0;
  for (const double value : sum_) squares += value * value;
  const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
  std::vector<float> vector;
  vector.reserve(sum_.size());
  for (const double value : sum_) vector.push_back(static_cast<float>(value * scale));
  return vector;
}

}  // namespace linnet
