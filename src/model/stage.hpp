#pragma once

#include <memory>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "model/given_rows.hpp"
#include "model/layer_range.hpp"
#include "model/state_journal.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// Layers that follow one another, and the backend that computes them.
struct Stage {
  Backend* backend;
  LayerRange layers;
  std::unique_ptr<Workspace> workspace = nullptr;  ///< once the model is loaded
  /// Where rows may be on trial; null, too, if the layers keep no state.
  std::unique_ptr<StateJournal> journal = nullptr;
};

/// What a forward pass hands from layer to layer. All of it lies in the workspace, and between two
/// layers nothing else does.
struct Streams {
  View x{};                    ///< the residual stream
  View shared{};               ///< see Pass::shared
  View embeddings{};           ///< of the tokens, if layers read them again; else no data
  View per_layer_inputs{};     ///< no data if there are none
  std::vector<View> others{};  ///< AltUp's, of which x is the first; earlier states of x; one view
                               ///< of several streams, see spread_to_streams(); or those of cycles
  Routing adapters{};          ///< see Pass::adapters
  View adapter_strengths{};    ///< see Pass::adapter_strengths
};

/// Copies the streams from the memory of one stage to that of the next, by way of `host`.
void hand_over(const Stage& from, const Stage& to, std::vector<float>& host, Streams& streams);

}  // namespace linnet
