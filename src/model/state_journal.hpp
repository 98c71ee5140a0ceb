#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "backend/backend.hpp"
#include "model/layer_range.hpp"
#include "model/model_spec.hpp"
#include "model/workspace.hpp"

namespace linnet {

// The operations that move recurrent states on, with what they read.

struct ConvolutionMove {
  View in;
  ConvolutionParams params;

  void run(Backend& backend, StateStore& states, const BatchLayout& batch, View out) const {
    backend.convolve(states, in, params, batch, out);
  }
  std::int64_t out_columns() const { return in.columns; }
  std::array<View*, 1> inputs() { return {&in}; }
};

struct ScanMove {
  ScanInput in;
  ScanParams params;

  void run(Backend& backend, StateStore& states, const BatchLayout& batch, View out) const {
    backend.scan(states, in, params, batch, out);
  }
  std::int64_t out_columns() const { return in.value.columns; }
  std::array<View*, 7> inputs() {
    return {&in.query, &in.key, &in.value, &in.decay, &in.gain, &in.remove, &in.add};
  }
};

struct SelectiveScanMove {
  SelectiveScanInput in;
  SelectiveScanParams params;

  void run(Backend& backend, StateStore& states, const BatchLayout& batch, View out) const {
    backend.selective_scan(states, in, params, batch, out);
  }
  std::int64_t out_columns() const { return in.x.columns; }
  std::array<View*, 4> inputs() { return {&in.x, &in.step, &in.input, &in.output}; }
};

struct PoolingMove {
  View values, scores;
  PoolParams params;

  void run(Backend& backend, StateStore& states, const BatchLayout& batch, View out) const {
    backend.pool_windows(states, values, scores, params, batch, out);
  }
  std::int64_t out_columns() const { return params.overlaps ? values.columns / 2 : values.columns; }
  std::array<View*, 2> inputs() { return {&values, &scores}; }
};

using StateMove = std::variant<ConvolutionMove, ScanMove, SelectiveScanMove, PoolingMove>;

/// Rows [first, first + count) of a batch, all of one sequence, whose state may have to go back.
struct TrialRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// The first `count` rows of the trial that began at the row `first` of the batch stay, and `slot`
/// holds the state before them.
struct RedoneRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int32_t slot = 0;
};

/// What moved the states of some layers on in a pass, with copies of what it read of the rows that
/// are on trial: from the state before, they go through some of the rows again without the layers
/// being computed again. What is read of a row is a few hundredths of a state.
class StateJournal {
 public:
  /// `memory` has room for floats_for() floats.
  StateJournal(Backend& backend, Workspace memory)
      : backend_(backend), memory_(std::move(memory)) {}

  /// Floats of the backend's memory that the journal of `layers` takes; 0 if they keep no state.
  static std::int64_t floats_for(const ModelSpec& spec, LayerRange layers, std::int64_t rows);

  /// Forgets all; a pass with these trials begins.
  void begin(const BatchLayout& batch, std::span<const TrialRows> trials);
  /// Keeps what `move` reads, before it is made.
  void note(const StateMove& move);
  /// Makes all moves again for `rows` only, which are laid out as find_runs() expects.
  void redo(std::span<const RedoneRows> rows, StateStore& states);

 private:
  Backend& backend_;
  Workspace memory_;
  std::vector<StateMove> moves_;
  std::vector<std::int32_t> rows_, positions_;  // of the batch, that are on trial

  // Members so that they keep their memory.
  std::vector<std::int32_t> sequences_, slots_;
};

}  // namespace linnet
