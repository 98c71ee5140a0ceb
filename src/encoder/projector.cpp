#include "encoder/projector.hpp"

#include <numeric>

#include "encoder/step_running.hpp"
#include "encoder/step_table.hpp"

namespace linnet {
namespace {

using Kind = ProjectorStep::Kind;

Grid merged_grid(const LoadedStep& step, Grid grid) { return grid / step.spec.side; }

Grid convolved_grid(const LoadedStep& step, Grid grid) { return shape_of(step.spec).behind(grid); }

struct KindRun {
  Kind kind;
  View (*run)(Passage&, const LoadedStep&);
  /// What becomes of the grid, whose rows are in order then, whatever they were before; null: it
  /// stays.
  Grid (*grid)(const LoadedStep&, Grid) = nullptr;
};

constexpr auto kRuns = std::to_array<KindRun>({
    {Kind::kMean, run_squares, merged_grid},
    {Kind::kConcatenate, run_squares, merged_grid},
    {Kind::kNorm, run_norm},
    {Kind::kScale, run_scale},
    {Kind::kLinear, run_linear},
    {Kind::kActivate, run_activate},
    {Kind::kGate, run_gate},
    {Kind::kStandardise, run_standardise},
    {Kind::kBreakRows, run_line_ends},
    {Kind::kEndRows, run_line_ends},
    {Kind::kWrap, run_wrap},
    {Kind::kRowBehind, run_row_behind},
    {Kind::kConvolve, run_convolve, convolved_grid},
    {Kind::kResample, run_resample},
    {Kind::kMeanOfRuns, run_runs},
    {Kind::kJoinRuns, run_runs},
    {Kind::kGateOfHalf, run_gate},
    {Kind::kAddMean, run_add_mean},
    {Kind::kKeep, run_keep},
    {Kind::kAddKept, run_add_kept},
    {Kind::kConvolveEach, run_convolve_each, convolved_grid},
    {Kind::kHardSwish, run_hard_swish},
    {Kind::kWeighColumns, run_weigh_columns},
    {Kind::kWindowQueries, run_window_queries, merged_grid},
    {Kind::kAskWindows, run_ask_windows},
    {Kind::kQuantise, run_quantise},
});
static_assert(has_all_kinds(kRuns));

}  // namespace

Projector::Projector(WeightLoader& loader, std::span<const ProjectorStep> steps, std::int64_t width)
    : steps_(load_steps(loader, steps, width)),
      columns_(steps_.empty() ? width : steps_.back().columns.out) {}

Projector::~Projector() = default;

// As projection_of() walks along the steps.
std::int64_t Projector::workspace_floats(std::int64_t patches) const {
  std::int64_t floats = 0, rows = patches;
  for (const LoadedStep& step : steps_) {
    floats += step_floats(step.spec, step.columns, rows);
    rows = most_rows_behind(step.spec, rows);
  }
  return floats;
}

Result<std::unique_ptr<KvStore>> Projector::make_kv_store(Backend& backend,
                                                          std::int64_t patches) const {
  for (const LoadedStep& step : steps_) {
    if (step.resampler) return step.resampler->make_kv_store(backend, patches);
    if (step.former) return step.former->make_kv_store(backend);
    if (step.windows) return step.windows->make_kv_store(backend, patches);
  }
  return std::unique_ptr<KvStore>();
}

View Projector::run(Backend& backend, Workspace& workspace, KvStore* kv, View patches, Grid grid,
                    std::span<const std::int32_t> place) const {
  Passage passage{backend, workspace, kv, patches, grid, place};
  std::vector<std::int32_t> in_order;
  for (const LoadedStep& step : steps_) {
    const KindRun& kind = row_for(step.spec, kRuns);
    passage.x = kind.run(passage, step);
    if (!kind.grid) continue;
    passage.grid = kind.grid(step, passage.grid);
    in_order.resize(static_cast<std::size_t>(passage.grid.area()));
    std::iota(in_order.begin(), in_order.end(), 0);
    passage.places = in_order;
  }
  return passage.x;
}

}  // namespace linnet
