#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "backend/backend.hpp"

namespace linnet {

/// What adapters (LoRA) add to the product of a projection: high(low(in)), where each adapter has
/// some columns between the two to itself.
struct LowRank {
  struct Part {
    std::int64_t adapter;  ///< its place among those of the loader
    std::int64_t first, rank;
  };
  std::unique_ptr<Matrix> low, high;
  std::vector<Part> parts;

  explicit operator bool() const { return low != nullptr; }
};

/// A projection's input and output are kept within these bounds (Gemma 4's towers).
struct Clip {
  struct Range {
    float least = std::numeric_limits<float>::lowest();
    float most = std::numeric_limits<float>::max();
  } in, out;
};

/// A projection, which project() computes. An absent tensor is an absent feature: no weight, no
/// projection; no bias, none added.
struct Linear {
  std::shared_ptr<const Matrix> weight;
  std::unique_ptr<Buffer> bias;           ///< [rows] (for experts [experts, rows])
  std::unique_ptr<Buffer> expert_scales;  ///< [experts]: a factor on each expert's product
  float scale = 1.0f;                     ///< a factor on the product
  LowRank adapter;                        ///< its product is scaled like that of the weight
  std::optional<Clip> clip;

  explicit operator bool() const { return weight != nullptr; }
  const float* bias_data() const { return bias ? bias->data() : nullptr; }
  const float* expert_scale_data() const { return expert_scales ? expert_scales->data() : nullptr; }
};

/// A normalisation; present if it has a weight or a bias.
struct Norm {
  std::unique_ptr<Buffer> weight;
  std::unique_ptr<Buffer> bias;

  explicit operator bool() const { return weight != nullptr || bias != nullptr; }
  /// The operation, on each `group` columns by themselves (0: on all together). Without weight and
  /// bias it only normalises.
  NormParams params(NormKind kind, float epsilon, std::int64_t group = 0) const {
    return {kind, epsilon, weight ? weight->data() : nullptr, bias ? bias->data() : nullptr, group};
  }
};

/// The norm of the heads of queries or keys, each group of `group` columns by itself; `norm` has
/// one group's weights or, with `per_column`, those of all columns.
struct HeadNorm {
  Norm norm;
  std::int64_t group = 0;
  bool per_column = false;

  explicit operator bool() const { return static_cast<bool>(norm); }
};

}  // namespace linnet
