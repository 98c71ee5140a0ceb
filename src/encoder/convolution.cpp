#include "encoder/convolution.hpp"

#include "encoder/made_linear.hpp"
#include "encoder/padded_rows.hpp"
#include "model/blocks/multiply.hpp"
#include "model/given_rows.hpp"

namespace linnet {

namespace {

std::vector<std::int32_t> rows_at(const ConvolutionShape& shape, int tap, Grid grid) {
  const Grid out = shape.behind(grid);
  const int left = shape.zeros_before(grid.width), top = shape.zeros_before(grid.height);
  const int across = shape.is_transposed ? tap / shape.side : tap % shape.side;
  const int down = shape.is_transposed ? tap % shape.side : tap / shape.side;
  std::vector<std::int32_t> rows;
  for (int y = 0; y < out.height; ++y) {
    const int from_y = shape.is_flat ? y : y * shape.stride - top + down;
    for (int x = 0; x < out.width; ++x) {
      const int from_x = x * shape.stride - left + across;
      const bool is_inside =
          from_x >= 0 && from_x < grid.width && from_y >= 0 && from_y < grid.height;
      rows.push_back(static_cast<std::int32_t>(
          is_inside ? from_y * std::int64_t{grid.width} + from_x : grid.area()));
    }
  }
  return rows;
}

}  // namespace

std::vector<std::vector<std::int32_t>> rows_by_tap(const ConvolutionShape& shape, Grid grid) {
  std::vector<std::vector<std::int32_t>> rows;
  for (int tap = 0; tap < shape.taps(); ++tap) rows.push_back(rows_at(shape, tap, grid));
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
  const std::vector<float> values = loader.values(name + ".weight", columns * outputs);
  linear_ = made_linear(loader, name, taps_before_inputs(values, columns, taps), columns, outputs);
}

namespace {

// Rows whose squares are side by side at once: they go through the caches, not through memory.
std::int64_t rows_at_once(std::int64_t columns) {
  constexpr std::int64_t kFloats = std::int64_t{1} << 20;
  return std::max<std::int64_t>(1, kFloats / columns);
}

}  // namespace

std::int64_t Convolution::padded_floats(std::int64_t inputs, std::int64_t outputs,
                                        const ConvolutionShape& shape, std::int64_t behind) {
  const std::int64_t columns = shape.taps() * inputs;
  return Workspace::floats_for(std::min(behind, rows_at_once(columns)), columns, 1) +
         Workspace::floats_for(behind, outputs, 1);
}

View Convolution::run(Backend& backend, Workspace& workspace, View in, Grid grid) const {
  const View out = workspace.view(behind(grid).area(), outputs_);
  const Workspace::Scope scope(workspace);
  run_padded(backend, workspace, padded_copy(backend, workspace, in), grid, out);
  return out;
}

void Convolution::run_padded(Backend& backend, Workspace& workspace, View in, Grid grid,
                             View out) const {
  const Workspace::Scope scope(workspace);
  const View padded = {in.data, in.rows + 1, in.columns, in.stride};
  const std::vector<std::vector<std::int32_t>> rows = rows_by_tap(shape_, grid);
  const std::int64_t columns = shape_.taps() * inputs_;
  const std::int64_t most = std::min(out.rows, rows_at_once(columns));
  const View all_squares = workspace.view(most, columns);
  for (std::int64_t first = 0; first < out.rows; first += most) {
    const std::int64_t count = std::min(most, out.rows - first);
    const View squares = all_squares.first_rows(count);
    std::int64_t column = 0;
    for (const std::vector<std::int32_t>& read : rows) {
      backend.gather_rows(padded, std::span(read).subspan(first, count),
                          squares.slice(column, inputs_));
      column += inputs_;
    }
    multiply(backend, linear_, squares, some_rows(out, first, count));
  }
}

}  // namespace linnet
