#include "encoder/projector_sizes.hpp"

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "encoder/depthwise.hpp"
#include "encoder/query_former.hpp"
#include "encoder/resampler.hpp"
#include "encoder/residual_quantiser.hpp"
#include "encoder/step_table.hpp"
#include "encoder/window_queries.hpp"
#include "model/hyperparameters.hpp"
#include "model/workspace.hpp"

namespace linnet {
namespace {

using Kind = ProjectorStep::Kind;
using Weights = ProjectorStep::Weights;

constexpr std::int64_t kOne = 1;

std::int64_t area_of(const ProjectorStep& step) { return std::int64_t{step.side} * step.side; }

// Columns, by the file.

std::int64_t same_columns(const WeightLoader&, const ProjectorStep&, std::int64_t in) { return in; }

std::int64_t no_columns(const WeightLoader&, const ProjectorStep&, std::int64_t) { return 0; }

std::int64_t columns_of_squares(const WeightLoader&, const ProjectorStep& step, std::int64_t in) {
  return in * area_of(step);
}

std::int64_t columns_of_runs(const WeightLoader&, const ProjectorStep& step, std::int64_t in) {
  return in * step.side;
}

std::int64_t outputs(const WeightLoader& loader, const ProjectorStep& step, std::int64_t in) {
  switch (step.weights) {
    case Weights::kTransposed:
      return loader.columns(step.name);
    case Weights::kConvolution:
      return loader.elements(step.name) / std::max(kOne, in);
    default:
      return loader.rows(step.name);
  }
}

std::int64_t half_of_outputs(const WeightLoader& loader, const ProjectorStep& step, std::int64_t) {
  return loader.rows(step.name) / 2;
}

std::int64_t outputs_of_convolution(const WeightLoader& loader, const ProjectorStep& step,
                                    std::int64_t in) {
  return loader.elements(step.name) / std::max(kOne, shape_of(step).taps() * in);
}

std::int64_t columns_of_resampler(const WeightLoader& loader, const ProjectorStep& step,
                                  std::int64_t) {
  return loader.rows(step.name + ".kv");
}

std::int64_t columns_of_former(const WeightLoader& loader, const ProjectorStep& step,
                               std::int64_t) {
  return loader.rows(step.name + "blk.0.self_attn_q");
}

std::int64_t inner_of_former(const WeightLoader& loader, const ProjectorStep& step, std::int64_t) {
  return QueryFormer::inner_columns(loader, step);
}

std::int64_t inner_of_windows(const WeightLoader& loader, const ProjectorStep& step, std::int64_t) {
  return WindowQueries::inner_columns(loader, step.name);
}

std::int64_t codes(const WeightLoader& loader, const ProjectorStep& step, std::int64_t in) {
  return ResidualQuantiser::codes_of(loader, step.name, in, std::ssize(step.sizes));
}

// Rows.

std::int64_t same_rows(const ProjectorStep&, std::int64_t rows) { return rows; }

std::int64_t squares(const ProjectorStep& step, std::int64_t rows) { return rows / area_of(step); }

std::int64_t whole_runs(const ProjectorStep& step, std::int64_t rows) { return rows / step.side; }

std::int64_t begun_runs(const ProjectorStep& step, std::int64_t rows) {
  return (rows + step.side - 1) / step.side;
}

std::int64_t queries(const ProjectorStep& step, std::int64_t) { return step.queries; }

std::int64_t queries_of_windows(const ProjectorStep& step, std::int64_t rows) {
  return begun_runs(step, rows) * step.queries;
}

std::int64_t no_rows(const ProjectorStep&, std::int64_t) { return 0; }

std::int64_t breaks(const ProjectorStep&, std::int64_t lines) { return lines - 1; }

std::int64_t ends(const ProjectorStep& step, std::int64_t lines) {
  return lines + (step.other.empty() ? 0 : 1);
}

std::int64_t two(const ProjectorStep&, std::int64_t) { return 2; }

std::int64_t one_of_high_pictures(const ProjectorStep& step, std::int64_t lines) {
  return lines < step.least_height ? 0 : 1;
}

// Floats of a workspace.

// What a step is asked for, columns and rows being one at least.
struct Extent {
  StepColumns columns;
  std::int64_t rows, rows_behind;
};

std::int64_t floats_of(std::int64_t rows, std::int64_t columns) {
  return Workspace::floats_for(rows, columns, 1);
}

std::int64_t one_result(const ProjectorStep&, const Extent& e) {
  return floats_of(e.rows_behind, e.columns.out);
}

std::int64_t nothing(const ProjectorStep&, const Extent&) { return 0; }

std::int64_t two_results(const ProjectorStep& step, const Extent& e) {
  return 2 * one_result(step, e);
}

// For the last one, which zeros may fill.
std::int64_t result_of_runs(const ProjectorStep& step, const Extent& e) {
  return one_result(step, e) + floats_of(e.rows + 1, e.columns.in);
}

// With what they are gathered from.
std::int64_t result_of_lines(const ProjectorStep& step, const Extent& e) {
  return one_result(step, e) + floats_of(e.rows + 2, e.columns.in);
}

std::int64_t convolution(const ProjectorStep& step, const Extent& e) {
  return Convolution::workspace_floats(e.columns.in, e.columns.out, shape_of(step), e.rows,
                                       e.rows_behind);
}

std::int64_t depthwise_convolution(const ProjectorStep&, const Extent& e) {
  return DepthwiseConvolution::workspace_floats(e.columns.in, e.rows, e.rows_behind);
}

// With what is summed up, and what factors are made of.
std::int64_t weighing(const ProjectorStep& step, const Extent& e) {
  return two_results(step, e) + floats_of(1, e.columns.inner) + 2 * floats_of(1, e.columns.in);
}

std::int64_t windows(const ProjectorStep& step, const Extent& e) {
  return WindowQueries::workspace_floats(step.windows, e.columns.in, e.columns.inner, e.rows);
}

std::int64_t resampling(const ProjectorStep& step, const Extent& e) {
  return one_result(step, e) + Resampler::workspace_floats(e.columns.out, step.queries, e.rows);
}

std::int64_t asking(const ProjectorStep& step, const Extent& e) {
  return one_result(step, e) +
         QueryFormer::workspace_floats(step, e.columns.in, e.columns.out, e.columns.inner);
}

std::int64_t quantising(const ProjectorStep& step, const Extent& e) {
  return one_result(step, e) +
         ResidualQuantiser::workspace_floats(e.columns.inner, e.columns.in, e.rows);
}

// Floats besides the workspace: keys and values, and what is on the host for a while.

std::int64_t keys_of_windows(const ProjectorStep& step, const Extent& e) {
  return 2 * e.columns.in * kPageTokens * WindowQueries::pages(step.windows, e.rows);
}

std::int64_t keys_and_places(const ProjectorStep&, const Extent& e) {
  return e.columns.out * (2 * kPageTokens * pages_for(e.rows) + e.rows);
}

std::int64_t keys_of_former(const ProjectorStep& step, const Extent& e) {
  return 2 * e.columns.out * kPageTokens * QueryFormer::pages(step);
}

std::int64_t scores(const ProjectorStep&, const Extent& e) { return e.rows * e.columns.inner; }

struct KindSizes {
  using Columns = std::int64_t (*)(const WeightLoader&, const ProjectorStep&, std::int64_t in);
  using Rows = std::int64_t (*)(const ProjectorStep&, std::int64_t);
  using Floats = std::int64_t (*)(const ProjectorStep&, const Extent&);

  Kind kind;
  Columns columns = same_columns, inner = no_columns;
  Rows merged = same_rows, beside = no_rows;  // of rows, and of lines
  Floats workspace = one_result, elsewhere = nothing;
};

constexpr auto kSizes = std::to_array<KindSizes>({
    {.kind = Kind::kMean, .merged = squares, .workspace = two_results},
    {.kind = Kind::kConcatenate, .columns = columns_of_squares, .merged = squares},
    {.kind = Kind::kNorm},
    {.kind = Kind::kScale},
    {.kind = Kind::kLinear, .columns = outputs},
    {.kind = Kind::kActivate},
    {.kind = Kind::kGate, .columns = outputs, .workspace = two_results},
    {.kind = Kind::kStandardise},
    {.kind = Kind::kBreakRows, .beside = breaks, .workspace = result_of_lines},
    {.kind = Kind::kEndRows, .beside = ends, .workspace = result_of_lines},
    {.kind = Kind::kWrap, .beside = two},
    {.kind = Kind::kRowBehind, .beside = one_of_high_pictures},
    {.kind = Kind::kConvolve,
     .columns = outputs_of_convolution,
     .merged = squares,
     .workspace = convolution},
    {.kind = Kind::kResample,
     .columns = columns_of_resampler,
     .merged = queries,
     .workspace = resampling,
     .elsewhere = keys_and_places},
    {.kind = Kind::kMeanOfRuns, .merged = whole_runs, .workspace = two_results},
    {.kind = Kind::kJoinRuns,
     .columns = columns_of_runs,
     .merged = begun_runs,
     .workspace = result_of_runs},
    {.kind = Kind::kGateOfHalf, .columns = half_of_outputs, .workspace = two_results},
    {.kind = Kind::kAddMean, .workspace = two_results},
    {.kind = Kind::kKeep, .workspace = nothing},
    {.kind = Kind::kAddKept, .workspace = nothing},
    {.kind = Kind::kConvolveEach, .merged = squares, .workspace = depthwise_convolution},
    {.kind = Kind::kHardSwish, .workspace = two_results},
    {.kind = Kind::kWeighColumns, .inner = outputs, .workspace = weighing},
    {.kind = Kind::kWindowQueries,
     .inner = inner_of_windows,
     .merged = squares,
     .workspace = windows,
     .elsewhere = keys_of_windows},
    {.kind = Kind::kAskWindows,
     .columns = columns_of_former,
     .inner = inner_of_former,
     .merged = queries_of_windows,
     .workspace = asking,
     .elsewhere = keys_of_former},
    {.kind = Kind::kQuantise, .inner = codes, .workspace = quantising, .elsewhere = scores},
});
static_assert(has_all_kinds(kSizes));

const KindSizes& sizes_of(const ProjectorStep& step) { return row_for(step, kSizes); }

Extent extent_of(const ProjectorStep& step, const StepColumns& columns, std::int64_t rows) {
  rows = std::max(kOne, rows);
  return {{std::max(kOne, columns.in), std::max(kOne, columns.out), std::max(kOne, columns.inner)},
          rows,
          std::max(kOne, most_rows_behind(step, rows))};
}

}  // namespace

StepColumns columns_of(const WeightLoader& loader, const ProjectorStep& step, std::int64_t in) {
  const KindSizes& sizes = sizes_of(step);
  const auto within = [](std::int64_t columns) {
    return std::clamp<std::int64_t>(columns, 0, Hyperparameters::kWidest);
  };
  return {in, within(sizes.columns(loader, step, in)), within(sizes.inner(loader, step, in))};
}

ConvolutionShape shape_of(const ProjectorStep& step) { return {.stride = step.side}; }

std::int64_t merged_rows(const ProjectorStep& step, std::int64_t rows) {
  return sizes_of(step).merged(step, rows);
}

std::int64_t rows_beside(const ProjectorStep& step, std::int64_t lines) {
  return sizes_of(step).beside(step, lines);
}

// A line has a row at least.
std::int64_t most_rows_behind(const ProjectorStep& step, std::int64_t rows) {
  const std::int64_t merged = merged_rows(step, rows);
  return merged + rows_beside(step, std::max(kOne, merged));
}

std::int64_t step_floats(const ProjectorStep& step, const StepColumns& columns, std::int64_t rows) {
  return sizes_of(step).workspace(step, extent_of(step, columns, rows));
}

Projection projection_of(const WeightLoader& loader, std::span<const ProjectorStep> steps,
                         std::int64_t columns, std::int64_t rows) {
  Projection result{.columns = columns, .rows = rows};
  for (const ProjectorStep& step : steps) {
    const StepColumns of = columns_of(loader, step, result.columns);
    const Extent extent = extent_of(step, of, result.rows);
    const KindSizes& sizes = sizes_of(step);
    const std::int64_t floats =
        saturating_add(sizes.workspace(step, extent), sizes.elsewhere(step, extent));
    result.bytes = saturating_add(result.bytes, saturating_multiply(floats, sizeof(float)));
    result.columns = of.out;
    result.rows = most_rows_behind(step, result.rows);
  }
  return result;
}

}  // namespace linnet
