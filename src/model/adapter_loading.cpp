// Adapters (LoRA) that a WeightLoader adds to the projections of a file, and control vectors.

#include <fmt/format.h>

#include <algorithm>

#include "gguf/added_values.hpp"
#include "gguf/tensor_values.hpp"
#include "model/hyperparameters.hpp"
#include "model/weight_loader.hpp"

namespace linnet {
namespace {

// Checks that they fit a projection with this many inputs and outputs.
Status check_factors(const gguf::Lora& lora, const gguf::Lora::Pair& pair, const std::string& name,
                     std::int64_t inputs, std::int64_t outputs) {
  const gguf::Tensor &a = *pair.a, &b = *pair.b;
  const bool fits = a.shape[0] == inputs && a.elements() == pair.rank() * inputs &&
                    b.elements() == pair.rank() * outputs;
  if (fits) return {};
  return Error{fmt::format(
      "{}: its factors for tensor {} are [{}, {}] and [{}, {}], expected {} inputs and {} outputs",
      lora.file().path().string(), name, a.shape[0], a.elements() / a.shape[0], b.shape[0],
      b.elements() / b.shape[0], inputs, outputs)};
}

}  // namespace

// Keeps an error if it is.
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
  std::vector<LowRank::Part> parts;
  // The file's shape may have dimensions of 1 elsewhere.
  const std::int64_t file_rows = file_.find_tensor(name)->elements() / columns;
  for (std::size_t i = 0; i < adapters_.size(); ++i) {
    const gguf::Lora& lora = adapters_[i];
    const gguf::Lora::Pair* const pair = lora.find(name);
    if (!pair) continue;
    if (Status status = check_factors(lora, *pair, name, columns, file_rows); !status) {
      error_ = status.error();
      return {};
    }
    parts.push_back({static_cast<std::int64_t>(i), std::ssize(low) / columns, pair->rank()});
    used_adapters_.insert(&lora);
    add_factors(lora, *pair, rows, low, high);
  }
  const std::string what = fmt::format("an adapter of tensor {}", name);
  return {upload_matrix(what, low, columns), upload_matrix(what, high, rank), std::move(parts)};
}

// Puts those of one adapter after what `low` and the rows of `high` hold.
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
  const gguf::Tensor* const wrong = !gguf::can_be_added(a)          ? pair.a
                                    : !gguf::can_be_added(b, scale) ? pair.b
                                                                    : nullptr;
  if (wrong && !error_) {
    error_ =
        Error{fmt::format("{}: tensor {} holds{} a value that is not finite or beyond {:g}",
                          lora.file().path().string(), wrong->name,
                          wrong == pair.b ? ", times its scale," : "", gguf::kLargestAddedValue)};
  }
  lora.file().release(*pair.a);
  lora.file().release(*pair.b);
}

std::unique_ptr<Buffer> WeightLoader::direction(std::int64_t index) {
  std::vector<float> sum;
  for (const gguf::ControlVector& vector : control_vectors_) {
    const auto found = vector.directions().find(index);
    if (found == vector.directions().end()) continue;
    const std::vector<float> values = gguf::values_of(*found->second);
    sum.resize(values.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += vector.strength() * values[i];
  }
  return sum.empty() ? nullptr : upload(sum);
}

}  // namespace linnet
