#pragma once

#include <string>
#include <vector>

#include "encoder/convolution.hpp"
#include "encoder/grid.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// A convolution over a picture's rows, by rows from the top, of each column for itself.
class DepthwiseConvolution {
 public:
  DepthwiseConvolution() = default;
  /// `name`.weight [side, side, 1, columns] and perhaps `name`.bias [columns]; what is wrong with
  /// the file goes to `loader`.
  DepthwiseConvolution(WeightLoader& loader, const std::string& name, std::int64_t columns,
                       ConvolutionShape shape);

  Grid behind(Grid grid) const { return shape_.behind(grid); }
  /// Floats of a workspace that run() takes, with its result, to turn `rows` rows into `behind`.
  std::int64_t workspace_floats(std::int64_t rows, std::int64_t behind) const;
  /// [rows behind(), columns] in the workspace.
  View run(Backend& backend, Workspace& workspace, View in, Grid grid) const;

 private:
  ConvolutionShape shape_;
  std::int64_t columns_ = 0;
  std::unique_ptr<Buffer> factors_;  // [taps][columns]
  std::unique_ptr<Buffer> bias_;
};

}  // namespace linnet
