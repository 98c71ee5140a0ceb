#include "support/target_results.hpp"

#include <gtest/gtest.h>

#include "architectures/architecture.hpp"

namespace linnet::test {

std::unique_ptr<Model> load_target(const gguf::File& file, Backend& backend,
                                   const BatchLimits& limits) {
  WeightLoader loader(file, backend);
  auto spec = read_model_spec(file, loader);
  EXPECT_TRUE(spec) << spec.error().message;
  auto model = Model::load(std::move(*spec), loader, backend, limits);
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

std::vector<float> golden_results(const OracleCase& drafter, std::size_t count) {
  const std::uint64_t start =
      fnv1a("results") ^ (drafter.json["seed"].get<std::uint64_t>() * 0x9e3779b97f4a7c15u);
  std::vector<float> results(count);
  for (std::size_t i = 0; i < count; ++i) results[i] = weight_element(start, i, 0.0, 1.0);
  return results;
}

TargetResults::TargetResults(const PredictionSpec& spec, Backend& backend,
                             std::span<const float> results)
    : width_(spec.target_width),
      columns_(spec.fused_columns()),
      memory_(std::move(*backend.allocate(std::ssize(results)))) {
  backend.upload(results, memory_->data());
}

std::vector<View> TargetResults::rows(std::int64_t first, std::int64_t count) const {
  const View all{memory_->data() + first * columns_, count, columns_, columns_};
  std::vector<View> layers;
  for (std::int64_t column = 0; column < columns_; column += width_) {
    layers.push_back(all.slice(column, width_));
  }
  return layers;
}

}  // namespace linnet::test
