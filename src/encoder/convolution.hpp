#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "encoder/grid.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// How the squares of rows that a convolution reads move over a grid.
struct ConvolutionShape {
  int side = 3;
  int stride = 1;
  int padding = 1;  ///< rows of zeros around the grid
  /// As many zeros around the grid, instead, that each `stride` places, begun ones too, give one;
  /// the odd one comes after.
  bool covers_all = false;
  /// Over the rows of a grid alone, which do not see each other: `side` taps instead of a square.
  bool is_flat = false;
  bool is_transposed = false;  ///< the file has squares column by column

  std::int64_t taps() const { return std::int64_t{side} * (is_flat ? 1 : side); }
  int places(int length) const {
    if (covers_all) return (length + stride - 1) / stride;
    return (length + 2 * padding - side) / stride + 1;
  }
  /// Zeros before the first of `length` places.
  int zeros_before(int length) const {
    if (!covers_all) return padding;
    return std::max(0, (places(length) - 1) * stride + side - length) / 2;
  }
  Grid behind(Grid grid) const {
    return {places(grid.width), is_flat ? grid.height : places(grid.height)};
  }
};

/// The row of `grid` that each tap reads for each row of the result; beyond the edges grid.area().
std::vector<std::vector<std::int32_t>> rows_by_tap(const ConvolutionShape& shape, Grid grid);

/// From weights [outputs][inputs][taps], `columns` being inputs and taps, to [outputs][taps]
/// [inputs].
std::vector<float> taps_before_inputs(const std::vector<float>& weights, std::int64_t columns,
                                      std::int64_t taps);

/// A convolution over a picture's rows, by rows from the top, or over those of a sound.
class Convolution {
 public:
  Convolution() = default;
  /// `name`.weight [side, side, inputs, outputs], flat ones [side, inputs, outputs]; what is wrong
  /// with the file goes to `loader`.
  Convolution(WeightLoader& loader, const std::string& name, std::int64_t inputs,
              std::int64_t outputs, ConvolutionShape shape);

  std::int64_t outputs() const { return outputs_; }
  Grid behind(Grid grid) const { return shape_.behind(grid); }
  /// Floats of a workspace that run() takes, with its result, to turn `rows` rows into `behind`.
  static std::int64_t workspace_floats(std::int64_t inputs, std::int64_t outputs,
                                       const ConvolutionShape& shape, std::int64_t rows,
                                       std::int64_t behind) {
    return padded_floats(inputs, outputs, shape, behind) +
           Workspace::floats_for(rows + 1, inputs, 1);
  }
  /// The same for the rows of a grid.
  std::int64_t workspace_floats(Grid grid) const {
    return workspace_floats(inputs_, outputs_, shape_, grid.area(), behind(grid).area());
  }
  /// [rows behind(), outputs()] in the workspace.
  View run(Backend& backend, Workspace& workspace, View in, Grid grid) const;

  /// The same of rows after which stands one of zeros, into `out`.
  void run_padded(Backend& backend, Workspace& workspace, View in, Grid grid, View out) const;
  /// Floats of a workspace that run_padded() and a view of its `behind` rows take.
  static std::int64_t padded_floats(std::int64_t inputs, std::int64_t outputs,
                                    const ConvolutionShape& shape, std::int64_t behind);

 private:
  ConvolutionShape shape_;
  std::int64_t inputs_ = 0, outputs_ = 0;
  Linear linear_;
};

}  // namespace linnet
