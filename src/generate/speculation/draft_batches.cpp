#include "generate/speculation/draft_batches.hpp"

#include <algorithm>

#include "base/checked.hpp"
#include "model/blocks/prediction.hpp"

namespace linnet {
namespace {

using Kind = PredictionSpec::Kind;

// More than that at once only help prompts.
constexpr std::int64_t kMostRows = 512;

}  // namespace

BatchLimits draft_limits(const ModelSpec& drafter, const BatchLimits& target) {
  BatchLimits limits = target;
  limits.rows = std::min(limits.rows, kMostRows);
  switch (drafter.prediction.kind) {
    case Kind::kJoined:  // each layer has memory for a pass of its own
      limits.rows =
          std::min(limits.rows, std::max<std::int64_t>(1, kMostRows / std::ssize(drafter.layers)));
      break;
    case Kind::kReadsKeys:  // a row for each guess
      limits.rows = limits.outputs;
      break;
    case Kind::kBlock:  // a block may be longer than a batch of the target
      limits.rows = std::max(limits.rows, drafter.prediction.block_rows);
      break;
    case Kind::kBeside:
    case Kind::kNone:
      break;
  }
  return limits;
}

std::int64_t draft_workspace_bytes(const ModelSpec& drafter, const EngineOptions& options,
                                   const BatchLimits& target) {
  if (!drafter.predicts()) return workspace_bytes(drafter, options.limits);
  const BatchLimits limits = draft_limits(drafter, target);
  if (drafter.prediction.kind != Kind::kJoined) return workspace_bytes(drafter, limits);
  std::int64_t bytes = 0;
  for (int i = 0; i < std::ssize(drafter.layers); ++i) {
    bytes = saturating_add(bytes, workspace_bytes(prediction_layer(drafter, i), limits));
  }
  return bytes;
}

}  // namespace linnet
