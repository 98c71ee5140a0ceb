#pragma once

#include <span>

#include "backend/backend.hpp"
#include "base/token_id.hpp"
#include "model/given_rows.hpp"
#include "model/model_spec.hpp"
#include "model/state_journal.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// What every block of one forward pass shares. Blocks take what they need of the workspace and
/// give it back; what they return lies there, in the scope of the caller. Their `in` and `out` are
/// in the backend's memory and do not overlap. One thread at a time runs a pass.
struct Pass {
  Backend& backend;
  Workspace& workspace;
  const ModelSpec& model;
  KvStore& kv;
  StateStore* states;  ///< null for models without recurrent layers
  const BatchLayout& batch;
  bool causal;  ///< rows see no later ones of their sequence
  View shared;  ///< [rows, ModelSpec::shared_columns]: what the first layer hands to the later ones
  Routing adapters{};                      ///< the slot of each row, in models with adapters
  View adapter_strengths{};                ///< see Batch::adapter_strengths; no data: all are off
  std::span<const std::int32_t> inputs{};  ///< tokens of each sequence's input, if it has one
  std::span<const TokenId> tokens{};       ///< of the rows
  std::span<const GivenRows> given{};
  std::span<const std::int32_t> places{};  ///< see Batch::places
  const BatchLayout* windows = nullptr;    ///< see Batch::windows
  StateJournal* journal = nullptr;         ///< null if no rows can be on trial
};

/// out = the output of `move`, which moves the states of the batch's sequences on.
inline void move_states(const Pass& pass, const StateMove& move, View out) {
  if (pass.journal) pass.journal->note(move);
  std::visit([&](const auto& kind) { kind.run(pass.backend, *pass.states, pass.batch, out); },
             move);
}

}  // namespace linnet
