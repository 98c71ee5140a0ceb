#include "encoder/convolution.hpp"

#include "model/blocks/project.hpp"
#include "model/given_rows.hpp"

namespace linnet {

std::vector<std::int32_t> rows_at(const ConvolutionShape& shape, int tap, Grid grid) {
  const Grid out = shape.behind(grid);
  const int across = shape.is_transposed ? tap / shape.side : tap % shape.side;
  const int down = shape.is_transposed ? tap % shape.side : tap / shape.side;
  std::vector<std::int32_t> rows;
  for (int y = 0; y < out.height; ++y) {
    const int from_y = shape.is_flat ? y : y * shape.stride - shape.padding + down;
    for (int x = 0; x < out.width; ++x) {
      const int from_x = x * shape.stride - shape.padding + across;
      const bool is_inside =
          from_x >= 0 && from_x < grid.width && from_y >= 0 && from_y < grid.height;
      rows.push_back(static_cast<std::int32_t>(
          is_inside ? from_y * std::int64_t{grid.width} + from_x : grid.area()));
    }
  }
  return rows;
}

std::vector<float> taps_before_inputs(const std::vector<float>& weights, std::int64_t columns,
                                      std::int64_t taps) {
  const std::int64_t inputs = columns / taps;
  std::vector<float> result(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int64_t row = i / columns, column = i % columns;
    result[row * columns + column % taps * inputs + column / taps] = weights[i];
  }
  return result;
}

Convolution::Convolution(WeightLoader& loader, const std::string& name, std::int64_t inputs,
                         std::int64_t outputs, ConvolutionShape shape)
    : shape_(shape), inputs_(inputs), outputs_(outputs) {
  const std::int64_t taps = shape.taps(), columns = taps * inputs;
  const std::string weight = name + ".weight";
  const std::vector<float> values = loader.values(weight, columns * outputs);
  linear_ = loader.projection(weight, taps_before_inputs(values, columns, taps), columns);
  if (linear_) linear_.bias = loader.vector(name + ".bias", outputs, Presence::kOptional);
}

std::int64_t Convolution::workspace_floats(std::int64_t rows, std::int64_t behind) const {
  return Workspace::floats_for(behind, shape_.taps() * inputs_, 1) +
         Workspace::floats_for(behind, outputs_, 1) + Workspace::floats_for(rows + 1, inputs_, 1);
}

View Convolution::run(Backend& backend, Workspace& workspace, View in, Grid grid) const {
  const View out = workspace.view(behind(grid).area(), outputs_);
  const Workspace::Scope scope(workspace);
  const View padded = workspace.view(in.rows + 1, inputs_);
  backend.copy(in, padded.first_rows(in.rows));
  backend.fill(some_rows(padded, in.rows, 1), 0.0f);
  const int taps = static_cast<int>(shape_.taps());
  const View squares = workspace.view(out.rows, taps * inputs_);
  for (int tap = 0; tap < taps; ++tap) {
    backend.gather_rows(padded, rows_at(shape_, tap, grid), squares.slice(tap * inputs_, inputs_));
  }
  const MatmulOutput output = product_of({linear_, out});
  backend.matmul(squares, {&output, 1});
  return out;
}

}  // namespace linnet
