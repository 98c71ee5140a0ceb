#pragma once

#include <span>

#include "encoder/grid.hpp"
#include "encoder/loaded_step.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// The rows of a picture, or of a sound, on their way through the steps of a projector.
struct Passage {
  Backend& backend;
  Workspace& workspace;
  KvStore* kv;  ///< null if no step needs one

  // What the first step reads.
  View patches;
  Grid patch_grid;
  std::span<const std::int32_t> patch_places;  ///< the row of each patch, by rows from the top

  // What the next one does.
  View x = patches;
  Grid grid = patch_grid;
  std::span<const std::int32_t> places = patch_places;

  View kept = {};  ///< the rows that were kept last
};

// Each gives what its kind of step makes of a passage's rows, in the workspace.

// Steps that make a row of several.
View run_squares(Passage& passage, const LoadedStep& step);
View run_runs(Passage& passage, const LoadedStep& step);
View run_add_mean(Passage& passage, const LoadedStep& step);

// Rows of text among those of the picture.
View run_line_ends(Passage& passage, const LoadedStep& step);
View run_wrap(Passage& passage, const LoadedStep& step);
View run_row_behind(Passage& passage, const LoadedStep& step);

// Steps that change each row by itself.
View run_norm(Passage& passage, const LoadedStep& step);
View run_scale(Passage& passage, const LoadedStep& step);
View run_linear(Passage& passage, const LoadedStep& step);
View run_activate(Passage& passage, const LoadedStep& step);
View run_gate(Passage& passage, const LoadedStep& step);
View run_standardise(Passage& passage, const LoadedStep& step);
View run_hard_swish(Passage& passage, const LoadedStep& step);
View run_keep(Passage& passage, const LoadedStep& step);
View run_add_kept(Passage& passage, const LoadedStep& step);
View run_quantise(Passage& passage, const LoadedStep& step);

// Steps that read all rows of a picture.
View run_weigh_columns(Passage& passage, const LoadedStep& step);
View run_convolve(Passage& passage, const LoadedStep& step);
View run_convolve_each(Passage& passage, const LoadedStep& step);
View run_resample(Passage& passage, const LoadedStep& step);
View run_window_queries(Passage& passage, const LoadedStep& step);
View run_ask_windows(Passage& passage, const LoadedStep& step);

}  // namespace linnet
