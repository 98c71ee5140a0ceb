#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "support/oracle_case.hpp"

namespace linnet::test {

/// The model in `file`, for which another one guesses.
std::unique_ptr<Model> load_target(const gguf::File& file, Backend& backend,
                                   const BatchLimits& limits);

/// What the layers of a target gave in a golden case: `count` elements by the formula of the
/// weights, under the name "results".
std::vector<float> golden_results(const OracleCase& drafter, std::size_t count);

/// What layers of a target gave, [tokens][fused_columns()], in the memory of a backend.
class TargetResults {
 public:
  TargetResults(const PredictionSpec& spec, Backend& backend, std::span<const float> results);

  /// Of each layer, for some tokens.
  std::vector<View> rows(std::int64_t first, std::int64_t count) const;

 private:
  std::int64_t width_, columns_;
  std::unique_ptr<Buffer> memory_;
};

}  // namespace linnet::test
