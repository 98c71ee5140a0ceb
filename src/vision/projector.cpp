#include "vision/projector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "model/blocks/project.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

using Kind = ProjectorStep::Kind;

bool merges(Kind kind) { return kind == Kind::kMean || kind == Kind::kConcatenate; }

// The patches at row `dy` and column `dx` of all squares.
std::vector<std::int32_t> patches_at(int dy, int dx, int side, PictureSize grid,
                                     std::span<const std::int32_t> place) {
  std::vector<std::int32_t> rows;
  for (int y = dy; y < grid.height; y += side) {
    for (int x = dx; x < grid.width; x += side) rows.push_back(place[y * grid.width + x]);
  }
  return rows;
}

}  // namespace

Projector::Projector(WeightLoader& loader, std::span<const ProjectorStep> steps, std::int64_t width)
    : columns_(width) {
  int patches = 1;  // that a row is made of, side by side
  for (const ProjectorStep& spec : steps) {
    Step step;
    step.spec = spec;
    if (spec.kind == Kind::kConcatenate) {
      patches = spec.side * spec.side;
      columns_ *= patches;
    } else if (spec.kind == Kind::kNorm) {
      step.norm = loader.norm(spec.name, columns_, Presence::kOptional);
    } else if (spec.kind == Kind::kLinear || spec.kind == Kind::kGate) {
      const std::int64_t inputs = columns_;
      step.linear = load_linear(loader, spec, inputs, patches);
      if (step.linear) columns_ = step.linear.weight->rows();
      if (spec.kind == Kind::kGate) step.other = loader.linear(spec.other, inputs, columns_);
    } else if (spec.kind == Kind::kStandardise) {
      step.row = loader.vector(spec.name, columns_);
      step.factors = loader.vector(spec.other, columns_);
    } else if (spec.kind == Kind::kBreakRows) {
      step.row = loader.vector(spec.name, columns_);
    }
    if (step.linear.clip || step.other.clip) {
      loader.fail(fmt::format("tensor {}.weight has bounds, which no projector is known to have",
                              spec.name));
    }
    step.columns = columns_;
    steps_.push_back(std::move(step));
  }
}

Linear Projector::load_linear(WeightLoader& loader, const ProjectorStep& step, std::int64_t columns,
                              int patches) const {
  const std::string weight = step.name + ".weight";
  if (step.weights == ProjectorStep::Weights::kUsual) {
    const std::int64_t rows = std::max<std::int64_t>(1, loader.rows(step.name));
    return loader.linear(step.name, columns, rows);
  }
  std::vector<float> values, ordered;
  if (step.weights == ProjectorStep::Weights::kTransposed) {
    const std::int64_t rows = std::max<std::int64_t>(1, loader.columns(step.name));
    values = loader.matrix_values(weight, rows, columns);
    ordered.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      ordered[i % rows * columns + i / rows] = values[i];
    }
  } else {
    const bool is_matrix = step.weights == ProjectorStep::Weights::kColumnsOutermost;
    const std::int64_t rows = std::max<std::int64_t>(
        1, is_matrix ? loader.rows(step.name) : loader.elements(step.name) / columns);
    values = is_matrix ? loader.matrix_values(weight, columns, rows)
                       : loader.values(weight, columns * rows);
    ordered.resize(values.size());
    const std::int64_t of_patch = columns / patches;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::int64_t row = i / columns, column = i % columns;
      ordered[row * columns + column % patches * of_patch + column / patches] = values[i];
    }
  }
  Linear linear = loader.projection(weight, ordered, columns);
  if (!linear) return linear;
  linear.bias = loader.vector(step.name + ".bias", linear.weight->rows(), Presence::kOptional);
  return linear;
}

std::int64_t Projector::workspace_floats(std::int64_t patches) const {
  std::int64_t floats = 0;
  for (const Step& step : steps_) {
    if (merges(step.spec.kind)) patches /= std::int64_t{step.spec.side} * step.spec.side;
    // Breaks are fewer than rows; a part of a square is gathered beside the squares.
    floats += Workspace::floats_for(3 * std::max<std::int64_t>(1, patches), step.columns, 2);
  }
  return floats;
}

View Projector::merge(Backend& backend, Workspace& workspace, const Step& step, View in,
                      PictureSize grid, std::span<const std::int32_t> place) const {
  const int side = step.spec.side;
  const bool is_mean = step.spec.kind == Kind::kMean;
  const View out = workspace.view((grid / side).area(), step.columns);
  const Workspace::Scope scope(workspace);
  const View part = workspace.view(out.rows, in.columns);
  if (is_mean) backend.fill(out, 0.0f);
  for (int i = 0; i < side * side; ++i) {
    backend.gather_rows(in, patches_at(i / side, i % side, side, grid, place), part);
    if (is_mean) {
      backend.add_scaled(part, 1.0f, 1.0f, out);
    } else {
      backend.copy(part, out.slice(i * in.columns, in.columns));
    }
  }
  if (is_mean) backend.scale(out, 1.0f / static_cast<float>(side * side));
  return out;
}

// The rows of text between those of the picture are the last one of what is gathered from.
View Projector::break_rows(Backend& backend, Workspace& workspace, const Step& step, View in,
                           PictureSize grid) const {
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
  const Workspace::Scope scope(workspace);
  const View less = workspace.view(in.rows, step.columns);
  const std::vector<std::int32_t> first(static_cast<std::size_t>(in.rows), 0);
  backend.gather_rows({step.row->data(), 1, step.columns, step.columns}, first, less);
  backend.copy(in, out);
  backend.add_scaled(less, -1.0f, 1.0f, out);
  backend.gated_activation(out, {step.factors->data(), out.rows, out.columns, 0},
                           Activation::kIdentity, out);
  return out;
}

View Projector::apply(Backend& backend, Workspace& workspace, const Step& step, View in) const {
  if (step.spec.kind == Kind::kGate) return gate(backend, workspace, step, in);
  if (step.spec.kind == Kind::kStandardise) return standardise(backend, workspace, step, in);
  const View out = workspace.view(in.rows, step.columns);
  switch (step.spec.kind) {
    case Kind::kNorm:
      backend.norm(
          in, {step.spec.norm, step.spec.number, step.norm.weight_data(), step.norm.bias_data()},
          out);
      break;
    case Kind::kLinear: {
      const MatmulOutput output = product_of({step.linear, out});
      backend.matmul(in, {&output, 1});
      break;
    }
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

View Projector::run(Backend& backend, Workspace& workspace, View patches, PictureSize grid,
                    std::span<const std::int32_t> place) const {
  View x = patches;
  for (const Step& step : steps_) {
    if (merges(step.spec.kind)) {
      x = merge(backend, workspace, step, x, grid, place);
      grid = grid / step.spec.side;
    } else if (step.spec.kind == Kind::kBreakRows) {
      x = break_rows(backend, workspace, step, x, grid);
    } else {
      x = apply(backend, workspace, step, x);
    }
  }
  return x;
}

}  // namespace linnet
