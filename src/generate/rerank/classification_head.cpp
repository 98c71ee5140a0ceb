#include "generate/rerank/classification_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "formats/magnitude.hpp"

namespace linnet {
namespace {

// What differs from RoBERTa's head: the first token, tanh, one number.
struct HeadKind {
  std::string_view architecture;
  Pooling pooling = Pooling::kFirst;
  bool has_gelu = false;
  bool has_softmax = false;
};
constexpr std::array kHeads = {
    HeadKind{.architecture = "modern-bert", .pooling = Pooling::kMean, .has_gelu = true},
    HeadKind{.architecture = "qwen3", .pooling = Pooling::kLast, .has_softmax = true},
    HeadKind{.architecture = "qwen3vl", .pooling = Pooling::kLast, .has_softmax = true},
};

HeadKind kind_of(std::string_view architecture) {
  const auto* const kind = std::ranges::find(kHeads, architecture, &HeadKind::architecture);
  return kind == kHeads.end() ? HeadKind{} : *kind;
}

// The tanh form of https://arxiv.org/abs/1606.08415, as in the model's layers.
double gelu(double x) {
  const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + std::tanh(inner));
}

// https://arxiv.org/abs/1607.06450
void normalise(std::span<const float> weight, double epsilon, std::vector<double>& x) {
  const auto count = static_cast<double>(x.size());
  double mean = 0.0, variance = 0.0;
  for (const double value : x) mean += value / count;
  for (const double value : x) variance += (value - mean) * (value - mean) / count;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = (x[i] - mean) / std::sqrt(variance + epsilon) * weight[i];
  }
}

double first_of_softmax(std::span<const double> x) {
  double sum = 0.0;
  for (const double value : x) sum += std::exp(value - x[0]);
  return 1.0 / sum;
}

}  // namespace

std::vector<double> ClassificationHead::Dense::apply(std::span<const double> in) const {
  std::vector<double> out(weight.size() / in.size(), 0.0);
  for (std::size_t row = 0; row < out.size(); ++row) {
    const float* const weights = weight.data() + row * in.size();
    for (std::size_t i = 0; i < in.size(); ++i) out[row] += weights[i] * in[i];
    if (!bias.empty()) out[row] += bias[row];
  }
  return out;
}

ClassificationHead::Dense ClassificationHead::read_dense(WeightLoader& loader,
                                                         const std::string& stem,
                                                         std::int64_t columns, std::int64_t rows) {
  Dense dense;
  if (rows == 0) return dense;
  dense.weight = loader.matrix_values(stem + ".weight", columns, rows);
  dense.bias = loader.values(stem + ".bias", rows, Presence::kOptional);
  if (!formats::are_finite(dense.weight) || !formats::are_finite(dense.bias)) {
    loader.fail(fmt::format("tensor {}.weight or .bias has values that are not finite", stem));
  }
  return dense;
}

Result<ClassificationHead> ClassificationHead::read(const ModelFile& file) {
  const auto backend = make_reference_backend();
  WeightLoader loader(file.file(), *backend);
  loader.adapt(file.adapters());
  const ModelSpec& spec = file.spec();
  const std::int64_t dense_rows = loader.rows("cls"), classes = loader.rows("cls.output");
  if (dense_rows == 0 && classes == 0) {
    return Error{
        fmt::format("{}: is not for reranking: it has no classification head (tensors cls.weight, "
                    "cls.output.weight)",
                    file.file().path().string())};
  }
  const HeadKind kind = kind_of(spec.architecture);
  const std::int64_t scores = classes > 0 ? classes : dense_rows;
  const std::int64_t expected = kind.has_softmax ? 2 : 1;
  if (scores != expected) {
    return Error{fmt::format(
        "{}: is not for reranking: its classification head gives {} numbers for a text, expected "
        "{}",
        file.file().path().string(), scores, expected)};
  }
  if (spec.hidden_columns() != spec.width) {
    return Error{fmt::format("{}: its states of {} columns have no classification head",
                             file.file().path().string(), spec.hidden_columns())};
  }
  ClassificationHead head;
  head.pooling_ = kind.pooling;
  head.has_gelu_ = kind.has_gelu;
  head.has_softmax_ = kind.has_softmax;
  head.norm_epsilon_ = spec.norm_epsilon;
  head.dense_ = read_dense(loader, "cls", spec.width,
                           classes > 0 && dense_rows > 0 ? spec.width : dense_rows);
  if (dense_rows > 0 && classes > 0) {
    head.norm_weight_ = loader.values("cls.norm.weight", spec.width, Presence::kOptional);
  }
  head.output_ = read_dense(loader, "cls.output", spec.width, classes);
  if (loader.failed()) return loader.finish().error();
  return head;
}

double ClassificationHead::score(std::span<const double> pooled) const {
  std::vector<double> x(pooled.begin(), pooled.end());
  if (!dense_.weight.empty()) {
    x = dense_.apply(x);
    for (double& value : x) value = has_gelu_ ? gelu(value) : std::tanh(value);
    if (!norm_weight_.empty()) normalise(norm_weight_, norm_epsilon_, x);
  }
  if (!output_.weight.empty()) x = output_.apply(x);
  return has_softmax_ ? first_of_softmax(x) : x[0];
}

}  // namespace linnet
