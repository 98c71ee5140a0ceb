#pragma once

#include <memory>
#include <string>

#include "encoder/convolution.hpp"
#include "encoder/grid.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// A convolution over a picture's rows, by rows from the top, in which each column sees only
/// itself.
class DepthwiseConvolution {
 public:
  DepthwiseConvolution() = default;
  /// `name`.weight [side, side, 1, columns] and perhaps `name`.bias [columns]; what is wrong with
  /// the file goes to `loader`.
  DepthwiseConvolution(WeightLoader& loader, const std::string& name, std::int64_t columns,
                       ConvolutionShape shape);

  Grid behind(Grid grid) const { return shape_.behind(grid); }
  /// Floats of a workspace that run() takes, with its result, to turn `rows` rows into `behind`.
  static std::int64_t workspace_floats(std::int64_t columns, std::int64_t rows,
                                       std::int64_t behind) {
    return padded_floats(columns, behind) + Workspace::floats_for(rows + 1, columns, 1);
  }
  /// [rows behind(), columns] in the workspace.
  View run(Backend& backend, Workspace& workspace, View in, Grid grid) const;

  /// The same of rows after which stands one of zeros, into `out`.
  void run_padded(Backend& backend, Workspace& workspace, View in, Grid grid, View out) const;
  /// Floats of a workspace that run_padded() and a view of its `behind` rows take.
  static std::int64_t padded_floats(std::int64_t columns, std::int64_t behind);

 private:
  ConvolutionShape shape_;
  std::unique_ptr<Buffer> factors_;  // [taps][columns]
  std::unique_ptr<Buffer> bias_;     // may be null
};

}  // namespace linnet
