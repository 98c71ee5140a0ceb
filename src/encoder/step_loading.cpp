#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "encoder/loaded_step.hpp"
#include "encoder/made_linear.hpp"
#include "encoder/step_table.hpp"

namespace linnet {
namespace {

using Kind = ProjectorStep::Kind;
using Weights = ProjectorStep::Weights;

void load_nothing(WeightLoader&, LoadedStep&) {}

void load_norm(WeightLoader& loader, LoadedStep& step) {
  step.norm = loader.norm(step.spec.name, step.columns.in, Presence::kOptional);
}

// From [columns][rows] to [rows][columns].
std::vector<float> transposed(const std::vector<float>& values, std::int64_t rows,
                              std::int64_t columns) {
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    result[i % rows * columns + i / rows] = values[i];
  }
  return result;
}

// Weights [rows][columns] for what a row has patch by patch, as the file has them.
std::vector<float> ordered_weights(WeightLoader& loader, const LoadedStep& step) {
  const std::string name = step.spec.name + ".weight";
  const std::int64_t columns = step.columns.in, rows = step.columns.out;
  if (step.spec.weights == Weights::kTransposed) {
    return transposed(loader.matrix_values(name, rows, columns), rows, columns);
  }
  const std::vector<float> values = step.spec.weights == Weights::kConvolution
                                        ? loader.values(name, columns * rows)
                                        : loader.matrix_values(name, columns, rows);
  return taps_before_inputs(values, columns, step.patches);
}

void load_linear(WeightLoader& loader, LoadedStep& step) {
  const auto& [in, out, inner] = step.columns;
  const std::string& name = step.spec.name;
  step.linear = step.spec.weights == Weights::kUsual
                    ? loader.linear(name, in, out)
                    : made_linear(loader, name, ordered_weights(loader, step), in, out);
}

void load_gate(WeightLoader& loader, LoadedStep& step) {
  step.linear = loader.linear(step.spec.name, step.columns.in, step.columns.out);
  step.other = loader.linear(step.spec.other, step.columns.in, step.columns.out);
}

void load_halves(WeightLoader& loader, LoadedStep& step) {
  const std::int64_t in = step.columns.in, half = step.columns.out;
  step.linear = loader.linear_part(step.spec.name, in, 2 * half, half, half);
  step.other = loader.linear_part(step.spec.name, in, 2 * half, 0, half);
}

void load_weighing(WeightLoader& loader, LoadedStep& step) {
  const std::int64_t inner = std::max<std::int64_t>(1, step.columns.inner);
  step.linear = loader.linear(step.spec.name, step.columns.in, inner);
  step.other = loader.linear(step.spec.other, inner, step.columns.out);
}

void load_rows(WeightLoader& loader, LoadedStep& step) {
  step.row = loader.vector(step.spec.name, step.columns.in);
  if (!step.spec.other.empty()) step.behind = loader.vector(step.spec.other, step.columns.in);
}

// The first row of a table, as a norm by the root mean square gives it.
std::unique_ptr<Buffer> load_first_row(WeightLoader& loader, const ProjectorStep& step,
                                       std::int64_t columns) {
  const std::int64_t rows = std::max<std::int64_t>(1, loader.rows(step.name));
  std::vector<float> row = loader.matrix_values(step.name + ".weight", columns, rows);
  const std::vector<float> weights = loader.values(step.other + ".weight", columns);
  if (row.empty() || weights.empty()) return nullptr;
  row.resize(weights.size());
  const double squares = std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
  const double root = std::sqrt(squares / static_cast<double>(columns) + step.number);
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(row[i] / root * weights[i]);
  }
  return loader.upload(row);
}

void load_row_behind(WeightLoader& loader, LoadedStep& step) {
  if (step.spec.other.empty()) return load_rows(loader, step);
  step.row = load_first_row(loader, step.spec, step.columns.in);
}

void load_convolution(WeightLoader& loader, LoadedStep& step) {
  step.convolution =
      Convolution(loader, step.spec.name, step.columns.in, step.columns.out, shape_of(step.spec));
}

void load_each(WeightLoader& loader, LoadedStep& step) {
  step.each = DepthwiseConvolution(loader, step.spec.name, step.columns.in, shape_of(step.spec));
}

void load_windows(WeightLoader& loader, LoadedStep& step) {
  step.windows =
      std::make_unique<WindowQueries>(loader, step.spec.name, step.spec.windows, step.columns.in);
}

void load_resampler(WeightLoader& loader, LoadedStep& step) {
  step.resampler = std::make_unique<Resampler>(loader, step.spec, step.columns.in);
}

void load_former(WeightLoader& loader, LoadedStep& step) {
  step.former = std::make_unique<QueryFormer>(loader, step.spec, step.columns.in);
}

void load_quantiser(WeightLoader& loader, LoadedStep& step) {
  step.quantiser = std::make_unique<ResidualQuantiser>(loader, step.spec.name, step.spec.other,
                                                       step.spec.sizes, step.columns.in);
}

struct KindWeights {
  Kind kind;
  void (*load)(WeightLoader&, LoadedStep&) = load_nothing;
};

constexpr auto kWeights = std::to_array<KindWeights>({
    {Kind::kMean},
    {Kind::kConcatenate},
    {Kind::kNorm, load_norm},
    {Kind::kScale},
    {Kind::kLinear, load_linear},
    {Kind::kActivate},
    {Kind::kGate, load_gate},
    {Kind::kStandardise, load_rows},
    {Kind::kBreakRows, load_rows},
    {Kind::kEndRows, load_rows},
    {Kind::kWrap, load_rows},
    {Kind::kRowBehind, load_row_behind},
    {Kind::kConvolve, load_convolution},
    {Kind::kResample, load_resampler},
    {Kind::kMeanOfRuns},
    {Kind::kJoinRuns},
    {Kind::kGateOfHalf, load_halves},
    {Kind::kAddMean},
    {Kind::kKeep},
    {Kind::kAddKept},
    {Kind::kConvolveEach, load_each},
    {Kind::kHardSwish},
    {Kind::kWeighColumns, load_weighing},
    {Kind::kWindowQueries, load_windows},
    {Kind::kAskWindows, load_former},
    {Kind::kQuantise, load_quantiser},
});
static_assert(has_all_kinds(kWeights));

// Patches that a row after `step` is made of, where one that it reads is made of `patches`.
int patches_behind(const ProjectorStep& step, int patches) {
  if (step.kind == Kind::kConcatenate) return step.side * step.side;
  if (step.kind == Kind::kJoinRuns) return step.side;
  return step.kind == Kind::kLinear ? 1 : patches;
}

// What is added has as many columns as that to which it is added; `kept` are the rows kept last.
void check_sum(WeightLoader& loader, const LoadedStep& step, std::int64_t width,
               std::int64_t kept) {
  const std::int64_t columns = step.columns.in;
  if (step.spec.kind == Kind::kAddMean && columns != width) {
    loader.fail(
        fmt::format("the projector gives {} columns, expected the {} of a patch, whose mean is "
                    "added",
                    columns, width));
  }
  if (step.spec.kind == Kind::kAddKept && columns != kept) {
    loader.fail(
        fmt::format("the projector gives {} columns where {} that were kept are added, expected "
                    "as many",
                    columns, kept));
  }
}

void check_bounds(WeightLoader& loader, const LoadedStep& step) {
  if (!step.linear.clip && !step.other.clip) return;
  loader.fail(fmt::format("tensor {}.weight has bounds, which no projector is known to have",
                          step.spec.name));
}

}  // namespace

std::vector<LoadedStep> load_steps(WeightLoader& loader, std::span<const ProjectorStep> steps,
                                   std::int64_t width) {
  std::vector<LoadedStep> loaded;
  std::int64_t columns = width, kept = width;
  int patches = 1;
  for (const ProjectorStep& spec : steps) {
    LoadedStep step{spec, columns_of(loader, spec, columns), patches};
    step.columns.out = std::max<std::int64_t>(1, step.columns.out);
    row_for(spec, kWeights).load(loader, step);
    check_sum(loader, step, width, kept);
    check_bounds(loader, step);
    if (spec.kind == Kind::kKeep) kept = columns;
    columns = step.columns.out;
    patches = patches_behind(spec, patches);
    loaded.push_back(std::move(step));
  }
  return loaded;
}

}  // namespace linnet
