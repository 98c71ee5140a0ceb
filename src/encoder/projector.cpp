#include "encoder/projector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "base/checked.hpp"
#include "encoder/row_sums.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/multiply.hpp"
#include "model/given_rows.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

using Kind = ProjectorStep::Kind;
using Weights = ProjectorStep::Weights;

bool merges_squares(Kind kind) { return kind == Kind::kMean || kind == Kind::kConcatenate; }

bool merges_runs(Kind kind) { return kind == Kind::kMeanOfRuns || kind == Kind::kJoinRuns; }

bool has_row(Kind kind) {
  return kind == Kind::kStandardise || kind == Kind::kWrap || kind == Kind::kEndRows ||
         kind == Kind::kBreakRows || kind == Kind::kRowBehind;
}

// By rows from the top, whatever the order before.
bool puts_in_order(Kind kind) { return merges_squares(kind) || kind == Kind::kWindowQueries; }

bool is_gate(Kind kind) { return kind == Kind::kGate || kind == Kind::kGateOfHalf; }

bool convolves(Kind kind) { return kind == Kind::kConvolve || kind == Kind::kConvolveEach; }

ConvolutionShape shape_of(const ProjectorStep& step) { return {.stride = step.side}; }

constexpr std::int64_t kTaps = 9;  // of kConvolve

// The patches at row `dy` and column `dx` of all squares.
std::vector<std::int32_t> patches_at(int dy, int dx, int side, Grid grid,
                                     std::span<const std::int32_t> place) {
  std::vector<std::int32_t> rows;
  for (int y = dy; y < grid.height; y += side) {
    for (int x = dx; x < grid.width; x += side) rows.push_back(place[y * grid.width + x]);
  }
  return rows;
}

// out = clamp(in / 6 + 1 / 2, 0, 1)
void hard_sigmoid(Backend& backend, View in, View out) {
  backend.fill(out, 0.5f);
  backend.add_scaled(in, 1.0f / 6.0f, 1.0f, out);
  backend.clamp(out, 0.0f, 1.0f);
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

Linear load_linear(WeightLoader& loader, const ProjectorStep& step, std::int64_t columns,
                   std::int64_t rows, int patches) {
  const std::string name = step.name + ".weight";
  std::vector<float> values;
  switch (step.weights) {
    case Weights::kUsual:
      return loader.linear(step.name, columns, rows);
    case Weights::kTransposed:
      values = transposed(loader.matrix_values(name, rows, columns), rows, columns);
      break;
    case Weights::kColumnsOutermost:
      values = taps_before_inputs(loader.matrix_values(name, columns, rows), columns, patches);
      break;
    case Weights::kConvolution:
      values = taps_before_inputs(loader.values(name, columns * rows), columns, patches);
  }
  Linear linear = loader.projection(name, values, columns);
  if (linear) linear.bias = loader.vector(step.name + ".bias", rows, Presence::kOptional);
  return linear;
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

}  // namespace

std::int64_t columns_behind(const WeightLoader& loader, const ProjectorStep& step,
                            std::int64_t columns) {
  if (step.kind == Kind::kConcatenate) return columns * step.side * step.side;
  if (step.kind == Kind::kJoinRuns) return columns * step.side;
  if (step.kind == Kind::kGateOfHalf) return loader.rows(step.name) / 2;
  if (step.kind == Kind::kResample) return loader.rows(step.name + ".kv");
  if (step.kind == Kind::kAskWindows) return loader.rows(step.name + "blk.0.self_attn_q");
  if (step.kind == Kind::kConvolve) {
    return loader.elements(step.name) / std::max<std::int64_t>(1, kTaps * columns);
  }
  if (step.kind != Kind::kLinear && step.kind != Kind::kGate) return columns;
  switch (step.weights) {
    case Weights::kTransposed:
      return loader.columns(step.name);
    case Weights::kConvolution:
      return loader.elements(step.name) / std::max<std::int64_t>(1, columns);
    default:
      return loader.rows(step.name);
  }
}

std::int64_t merged_rows(const ProjectorStep& step, std::int64_t rows) {
  switch (step.kind) {
    case Kind::kMean:
    case Kind::kConcatenate:
    case Kind::kConvolve:
    case Kind::kConvolveEach:
    case Kind::kWindowQueries:
      return rows / (std::int64_t{step.side} * step.side);
    case Kind::kMeanOfRuns:
      return rows / step.side;
    case Kind::kJoinRuns:
      return (rows + step.side - 1) / step.side;
    case Kind::kAskWindows:
      return (rows + step.side - 1) / step.side * step.queries;
    default:
      return rows;
  }
}

std::int64_t step_rows(const ProjectorStep& step, std::int64_t rows) {
  rows = std::max<std::int64_t>(1, rows);
  switch (step.kind) {
    case Kind::kBreakRows:
    case Kind::kEndRows:
    case Kind::kWrap:
    case Kind::kRowBehind:
    case Kind::kJoinRuns:
      return 3 * rows + 3;  // breaks are fewer than rows, and two; what is joined, and zeros
    case Kind::kMean:
    case Kind::kConcatenate:
    case Kind::kMeanOfRuns:
    case Kind::kGate:
    case Kind::kGateOfHalf:
    case Kind::kAddMean:
    case Kind::kHardSwish:
      return 2 * rows;  // a part of the squares, or the gate, is beside the result
    case Kind::kAskWindows:
      return rows + QueryFormer::rows_at_once(step);
    case Kind::kKeep:
    case Kind::kAddKept:
      return 0;
    case Kind::kWindowQueries:
      return 40 * rows;  // what it makes and keeps of all patches, and of the rows
    case Kind::kWeighColumns:
      return 2 * rows + 3;  // what is summed, and three rows
    default:
      return rows;
  }
}

// In each book, at most as many as a ResidualQuantiser takes.
std::int64_t codes_of_books(const WeightLoader& loader, const ProjectorStep& step,
                            std::int64_t columns) {
  const std::int64_t values = std::max<std::int64_t>(1, columns * std::ssize(step.sizes));
  return std::min(loader.elements(step.name) / values, ResidualQuantiser::kMostCodes);
}

// Of rows that a step gives others behind.
std::int64_t rows_behind(const ProjectorStep& step, std::int64_t rows) {
  switch (step.kind) {
    case Kind::kBreakRows:
    case Kind::kEndRows:
    case Kind::kWrap:
    case Kind::kRowBehind:
      return 2 * rows + 2;  // a line has a row at least
    default:
      return rows;
  }
}

Projection projection_of(const WeightLoader& loader, std::span<const ProjectorStep> steps,
                         std::int64_t columns, std::int64_t rows, std::int64_t queries) {
  Projection result{columns};
  for (const ProjectorStep& step : steps) {
    result.columns = columns_behind(loader, step, result.columns);
    rows = step.kind == Kind::kResample ? queries : merged_rows(step, rows);
    const std::int64_t kept = std::clamp<std::int64_t>(result.columns, 0, Hyperparameters::kWidest);
    const std::int64_t bytes = saturating_multiply(step_rows(step, rows), 4 * kept);
    result.workspace_bytes = saturating_add(result.workspace_bytes, bytes);
    rows = rows_behind(step, rows);
    if (step.kind == Kind::kQuantise) {  // scores of codes, on both sides
      result.workspace_bytes = saturating_add(
          result.workspace_bytes, rows * 2 * 4 * codes_of_books(loader, step, result.columns));
    }
  }
  result.rows = rows;
  return result;
}

Projector::Projector(WeightLoader& loader, std::span<const ProjectorStep> steps, std::int64_t width,
                     const ResamplerSpec& resampler)
    : resampler_(resampler), columns_(width) {
  int patches = 1;            // that a row is made of, side by side
  std::int64_t kept = width;  // columns
  for (const ProjectorStep& spec : steps) {
    Step step = load_step(loader, spec, patches);
    if (spec.kind == Kind::kConcatenate) patches = spec.side * spec.side;
    if (spec.kind == Kind::kJoinRuns) patches = spec.side;
    if (spec.kind == Kind::kLinear) patches = 1;
    if (spec.kind == Kind::kAddMean && columns_ != width) {
      loader.fail(
          fmt::format("the projector gives {} columns, expected the {} of a patch, whose "
                      "mean is added",
                      columns_, width));
    }
    if (spec.kind == Kind::kKeep) kept = columns_;
    if (spec.kind == Kind::kAddKept && columns_ != kept) {
      loader.fail(
          fmt::format("the projector gives {} columns where {} that were kept are added, expected "
                      "as many",
                      columns_, kept));
    }
    if (step.linear.clip || step.other.clip) {
      loader.fail(fmt::format("tensor {}.weight has bounds, which no projector is known to have",
                              spec.name));
    }
    columns_ = step.columns;
    steps_.push_back(std::move(step));
  }
}

// `patches` are what a row is made of, side by side.
Projector::Step Projector::load_step(WeightLoader& loader, const ProjectorStep& spec,
                                     int patches) const {
  Step step;
  step.spec = spec;
  step.columns = std::max<std::int64_t>(1, columns_behind(loader, spec, columns_));
  if (spec.kind == Kind::kNorm) {
    step.norm = loader.norm(spec.name, columns_, Presence::kOptional);
  } else if (spec.kind == Kind::kLinear) {
    step.linear = load_linear(loader, spec, columns_, step.columns, patches);
  } else if (spec.kind == Kind::kGate) {
    step.linear = loader.linear(spec.name, columns_, step.columns);
    step.other = loader.linear(spec.other, columns_, step.columns);
  } else if (spec.kind == Kind::kGateOfHalf) {
    const std::int64_t half = step.columns;
    step.linear = loader.linear_part(spec.name, columns_, 2 * half, half, half);
    step.other = loader.linear_part(spec.name, columns_, 2 * half, 0, half);
  } else if (spec.kind == Kind::kRowBehind && !spec.other.empty()) {
    step.row = load_first_row(loader, spec, columns_);
  } else if (has_row(spec.kind)) {
    step.row = loader.vector(spec.name, columns_);
    if (!spec.other.empty()) step.factors = loader.vector(spec.other, columns_);
  } else if (spec.kind == Kind::kConvolve) {
    step.convolution = Convolution(loader, spec.name, columns_, step.columns, shape_of(spec));
  } else if (spec.kind == Kind::kConvolveEach) {
    step.each = DepthwiseConvolution(loader, spec.name, columns_, shape_of(spec));
  } else if (spec.kind == Kind::kWeighColumns) {
    const std::int64_t inner = std::max<std::int64_t>(1, loader.rows(spec.name));
    step.linear = loader.linear(spec.name, columns_, inner);
    step.other = loader.linear(spec.other, inner, columns_);
  } else if (spec.kind == Kind::kWindowQueries) {
    step.queries = std::make_unique<WindowQueries>(loader, spec.name, spec.windows, columns_);
  } else if (spec.kind == Kind::kResample) {
    step.resampler = std::make_unique<Resampler>(loader, spec.name, resampler_, columns_);
  } else if (spec.kind == Kind::kAskWindows) {
    step.former = std::make_unique<QueryFormer>(loader, spec, columns_);
  } else if (spec.kind == Kind::kQuantise) {
    step.quantiser =
        std::make_unique<ResidualQuantiser>(loader, spec.name, spec.other, spec.sizes, columns_);
  }
  return step;
}

std::int64_t Projector::workspace_floats(std::int64_t patches) const {
  std::int64_t floats = 0;
  for (const Step& step : steps_) {
    if (merges_squares(step.spec.kind) || merges_runs(step.spec.kind)) {
      patches = merged_rows(step.spec, patches);
    }
    if (convolves(step.spec.kind)) {
      const std::int64_t behind = merged_rows(step.spec, patches);
      floats += step.spec.kind == Kind::kConvolve
                    ? step.convolution.workspace_floats(patches, behind)
                    : DepthwiseConvolution::workspace_floats(step.columns, patches, behind);
      patches = behind;
    }
    if (step.spec.kind == Kind::kWeighColumns) {
      floats += Workspace::floats_for(1, step.linear.weight->rows(), 1);
    }
    if (step.queries) {
      floats += step.queries->workspace_floats(patches);
      patches = merged_rows(step.spec, patches);
    }
    if (step.resampler) {
      floats += step.resampler->workspace_floats(patches);
      patches = resampler_.queries;
    }
    if (step.former) {
      floats += step.former->workspace_floats();
      patches = merged_rows(step.spec, patches);
    }
    if (step.quantiser) floats += step.quantiser->workspace_floats(patches);
    floats += Workspace::floats_for(step_rows(step.spec, patches), step.columns, 2);
    patches = rows_behind(step.spec, patches);
  }
  return floats;
}

Result<std::unique_ptr<KvStore>> Projector::make_kv_store(Backend& backend,
                                                          std::int64_t patches) const {
  for (const Step& step : steps_) {
    if (step.resampler) return step.resampler->make_kv_store(backend, patches);
    if (step.former) return step.former->make_kv_store(backend);
    if (step.queries) return step.queries->make_kv_store(backend, patches);
  }
  return std::unique_ptr<KvStore>();
}

View Projector::merge(Backend& backend, Workspace& workspace, const Step& step, View in, Grid grid,
                      std::span<const std::int32_t> place) const {
  const int side = step.spec.side;
  const bool is_mean = step.spec.kind != Kind::kConcatenate;
  const View out = workspace.view((grid / side).area(), step.columns);
  const Workspace::Scope scope(workspace);
  const View part = workspace.view(out.rows, in.columns);
  if (is_mean) backend.fill(out, 0.0f);
  for (int i = 0; i < side * side; ++i) {
    backend.gather_rows(in, patches_at(i / side, i % side, side, grid, place), part);
    if (is_mean) {
      add(backend, part, out);
    } else {
      backend.copy(part, out.slice(i * in.columns, in.columns));
    }
  }
  if (is_mean) backend.scale(out, 1.0f / static_cast<float>(side * side));
  return out;
}

// The runs' first rows, then their second ones, and so on; behind the last row are zeros.
View Projector::merge_runs(Backend& backend, Workspace& workspace, const Step& step,
                           View in) const {
  const int side = step.spec.side;
  const bool is_mean = step.spec.kind == Kind::kMeanOfRuns;
  const View out = workspace.view(merged_rows(step.spec, in.rows), step.columns);
  const Workspace::Scope scope(workspace);
  const View padded = is_mean ? in : workspace.view(in.rows + 1, in.columns);
  if (is_mean) {
    backend.fill(out, 0.0f);
  } else {
    backend.copy(in, padded.first_rows(in.rows));
    backend.fill(some_rows(padded, in.rows, 1), 0.0f);
  }
  const View part = workspace.view(out.rows, in.columns);
  for (int i = 0; i < side; ++i) {
    std::vector<std::int32_t> rows;
    for (std::int64_t r = i; r < out.rows * side; r += side) {
      rows.push_back(static_cast<std::int32_t>(std::min(r, in.rows)));
    }
    backend.gather_rows(padded, rows, part);
    if (is_mean) {
      add(backend, part, out);
    } else {
      backend.copy(part, out.slice(i * in.columns, in.columns));
    }
  }
  if (is_mean) backend.scale(out, 1.0f / static_cast<float>(side));
  return out;
}

// The rows of text between those of the picture are the last one of what is gathered from.
View Projector::break_rows(Backend& backend, Workspace& workspace, const Step& step, View in,
                           Grid grid) const {
  const View all = workspace.view(in.rows + 1, in.columns);
  backend.copy(in, all.first_rows(in.rows));
  backend.copy({step.row->data(), 1, in.columns, in.columns}, some_rows(all, in.rows, 1));
  std::vector<std::int32_t> order;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) order.push_back(y * grid.width + x);
    if (y + 1 < grid.height) order.push_back(static_cast<std::int32_t>(in.rows));
  }
  const View out = workspace.view(std::ssize(order), in.columns);
  backend.gather_rows(all, order, out);
  return out;
}

// As break_rows(), with one row of text or two.
View Projector::end_rows(Backend& backend, Workspace& workspace, const Step& step, View in,
                         Grid grid) const {
  const View all = workspace.view(in.rows + 2, in.columns);
  backend.copy(in, all.first_rows(in.rows));
  const auto put = [&](const Buffer& row, std::int64_t at) {
    backend.copy({row.data(), 1, in.columns, in.columns}, some_rows(all, at, 1));
  };
  put(*step.row, in.rows);
  if (step.factors) put(*step.factors, in.rows + 1);
  std::vector<std::int32_t> order;
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) order.push_back(y * grid.width + x);
    order.push_back(static_cast<std::int32_t>(in.rows));
  }
  if (step.factors) order.push_back(static_cast<std::int32_t>(in.rows + 1));
  const View out = workspace.view(std::ssize(order), in.columns);
  backend.gather_rows(all, order, out);
  return out;
}

View Projector::row_behind(Backend& backend, Workspace& workspace, const Step& step,
                           View in) const {
  const View out = workspace.view(in.rows + 1, in.columns);
  backend.copy(in, out.first_rows(in.rows));
  backend.copy({step.row->data(), 1, in.columns, in.columns}, some_rows(out, in.rows, 1));
  return out;
}

View Projector::wrap(Backend& backend, Workspace& workspace, const Step& step, View in) const {
  const View out = workspace.view(in.rows + 2, in.columns);
  const auto put = [&](const Buffer& row, std::int64_t at) {
    backend.copy({row.data(), 1, in.columns, in.columns}, some_rows(out, at, 1));
  };
  put(*step.row, 0);
  backend.copy(in, some_rows(out, 1, in.rows));
  put(*step.factors, in.rows + 1);
  return out;
}

View Projector::gate(Backend& backend, Workspace& workspace, const Step& step, View in) const {
  const View out = workspace.view(in.rows, step.columns);
  const Workspace::Scope scope(workspace);
  const View gate = workspace.view(in.rows, step.columns);
  backend.gated_matmul(in, product_of({step.linear, gate}), product_of({step.other, out}),
                       step.spec.activation);
  return out;
}

View Projector::standardise(Backend& backend, Workspace& workspace, const Step& step,
                            View in) const {
  const View out = workspace.view(in.rows, step.columns);
  backend.copy(in, out);
  backend.add_scaled(repeated(*step.row, out), -1.0f, 1.0f, out);
  multiply_columns(backend, out, *step.factors, out);
  return out;
}

View Projector::hard_swish(Backend& backend, Workspace& workspace, const Step& step,
                           View in) const {
  const View out = workspace.view(in.rows, step.columns);
  const Workspace::Scope scope(workspace);
  const View gate = workspace.view(in.rows, in.columns);
  hard_sigmoid(backend, in, gate);
  backend.gated_activation(in, gate, Activation::kIdentity, out);
  return out;
}

View Projector::weigh_columns(Backend& backend, Workspace& workspace, const Step& step,
                              View in) const {
  const View out = workspace.view(in.rows, step.columns);
  const Workspace::Scope scope(workspace);
  const View sum = workspace.view(in.rows, in.columns);
  backend.copy(in, sum);
  const View mean = sum_of_rows(backend, sum);
  backend.scale(mean, 1.0f / static_cast<float>(in.rows));
  const View inner = workspace.view(1, step.linear.weight->rows());
  const View last = workspace.view(1, in.columns), factors = workspace.view(1, in.columns);
  multiply(backend, step.linear, mean, inner);
  linnet::apply(backend, Activation::kRelu, inner);
  multiply(backend, step.other, inner, last);
  hard_sigmoid(backend, last, factors);
  backend.gated_activation(in, {factors.data, in.rows, in.columns, 0}, Activation::kIdentity, out);
  return out;
}

View Projector::apply(Backend& backend, Workspace& workspace, const Step& step, View in) const {
  if (is_gate(step.spec.kind)) return gate(backend, workspace, step, in);
  if (step.spec.kind == Kind::kWrap) return wrap(backend, workspace, step, in);
  if (step.spec.kind == Kind::kStandardise) return standardise(backend, workspace, step, in);
  if (step.spec.kind == Kind::kHardSwish) return hard_swish(backend, workspace, step, in);
  if (step.spec.kind == Kind::kWeighColumns) return weigh_columns(backend, workspace, step, in);
  const View out = workspace.view(in.rows, step.columns);
  switch (step.spec.kind) {
    case Kind::kNorm:
      backend.norm(in, step.norm.params(step.spec.norm, step.spec.number), out);
      break;
    case Kind::kLinear:
      multiply(backend, step.linear, in, out);
      break;
    case Kind::kActivate:
      backend.gated_activation(in, View{}, step.spec.activation, out);
      break;
    default:  // others are steps of the whole picture: see run()
      assert(step.spec.kind == Kind::kScale);
      backend.copy(in, out);
      backend.scale(out, step.spec.number);
  }
  return out;
}

// A picture on its way through the steps.
struct Projector::Picture {
  // What the first step reads.
  View patches;
  Grid patch_grid;
  std::span<const std::int32_t> patch_places;

  View x = patches;  // what the next step reads
  Grid grid = patch_grid;
  View kept = {};
  std::vector<std::int32_t> in_order = {};  // places behind steps that put rows in order

  std::span<const std::int32_t> places() const {
    return in_order.empty() ? patch_places : std::span<const std::int32_t>(in_order);
  }
};

Grid Projector::grid_behind(const Step& step, Grid grid) {
  if (step.spec.kind == Kind::kConvolve) return step.convolution.behind(grid);
  if (step.spec.kind == Kind::kConvolveEach) return step.each.behind(grid);
  return puts_in_order(step.spec.kind) ? grid / step.spec.side : grid;
}

View Projector::run(Backend& backend, Workspace& workspace, KvStore* kv, View patches, Grid grid,
                    std::span<const std::int32_t> place) const {
  Picture picture{patches, grid, place};
  for (const Step& step : steps_) {
    picture.x = run(backend, workspace, kv, step, picture);
    picture.grid = grid_behind(step, picture.grid);
    if (!puts_in_order(step.spec.kind)) continue;
    picture.in_order.resize(static_cast<std::size_t>(picture.grid.area()));
    std::iota(picture.in_order.begin(), picture.in_order.end(), 0);
  }
  return picture.x;
}

View Projector::run(Backend& backend, Workspace& workspace, KvStore* kv, const Step& step,
                    Picture& picture) const {
  const View x = picture.x;
  const Grid grid = picture.grid;
  switch (step.spec.kind) {
    case Kind::kKeep:
      picture.kept = x;
      return x;
    case Kind::kAddKept:
      add(backend, picture.kept, x);
      return x;
    case Kind::kAddMean: {
      const View mean = merge(backend, workspace, step, picture.patches, picture.patch_grid,
                              picture.patch_places);
      add(backend, x, mean);
      return mean;
    }
    case Kind::kMeanOfRuns:
    case Kind::kJoinRuns:
      return merge_runs(backend, workspace, step, x);
    case Kind::kMean:
    case Kind::kConcatenate:
      return merge(backend, workspace, step, x, grid, picture.places());
    case Kind::kConvolve:
      return step.convolution.run(backend, workspace, x, grid);
    case Kind::kConvolveEach:
      return step.each.run(backend, workspace, x, grid);
    case Kind::kWindowQueries:
      return step.queries->run(backend, workspace, *kv, x, grid, picture.places());
    case Kind::kResample: {
      const View rows = workspace.view(resampler_.queries, step.columns);
      step.resampler->run(backend, workspace, *kv, x, grid, rows);
      return rows;
    }
    case Kind::kAskWindows: {
      const View rows = workspace.view(merged_rows(step.spec, x.rows), step.columns);
      step.former->run(backend, workspace, *kv, x, rows);
      return rows;
    }
    case Kind::kQuantise: {
      const View rows = workspace.view(x.rows, step.columns);
      step.quantiser->run(backend, workspace, x, rows);
      return rows;
    }
    case Kind::kRowBehind:
      return grid.height < step.spec.least_height ? x : row_behind(backend, workspace, step, x);
    case Kind::kBreakRows:
      return break_rows(backend, workspace, step, x, grid);
    case Kind::kEndRows:
      return end_rows(backend, workspace, step, x, grid);
    default:
      return apply(backend, workspace, step, x);
  }
}

}  // namespace linnet
