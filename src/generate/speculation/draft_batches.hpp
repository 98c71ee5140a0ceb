#pragma once

#include "generate/loading/engine_options.hpp"
#include "model/model.hpp"

namespace linnet {

/// The batches of what guesses from what a model with the limits `target` makes
/// (ModelSpec::predicts()); of layers for multi-token prediction those of each.
BatchLimits draft_limits(const ModelSpec& drafter, const BatchLimits& target);

/// Bytes of the workspaces of what guesses, from that or by itself.
std::int64_t draft_workspace_bytes(const ModelSpec& drafter, const EngineOptions& options,
                                   const BatchLimits& target);

}  // namespace linnet
