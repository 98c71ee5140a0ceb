#pragma once

#include <span>

#include "backend/backend.hpp"
#include "model/model_spec.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// What every block of one forward pass shares.
struct Pass {
  Backend& backend;
  Workspace& workspace;
  const ModelSpec& model;
  KvStore& kv;
  StateStore* states;  ///< null for models without recurrent layers
  const BatchLayout& batch;
  View shared;  ///< [rows, ModelSpec::shared_columns]: what the first layer hands to the later ones
  Routing adapters{};  ///< the slot of each row, in models with adapters
};

}  // namespace linnet
