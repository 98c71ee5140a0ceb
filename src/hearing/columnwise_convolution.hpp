#pragma once

#include <memory>
#include <string>

#include "encoder/convolution.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// A convolution of each column by itself ("depthwise").
class ColumnwiseConvolution {
 public:
  ColumnwiseConvolution() = default;
  /// `name`.weight [taps, columns], in any shape, and the optional `name`.bias [columns]; what is
  /// wrong with the file goes to `loader`.
  ColumnwiseConvolution(WeightLoader& loader, const std::string& name, std::int64_t columns,
                        ConvolutionShape shape);

  /// Floats of a workspace that run() takes, with its result, to turn `rows` rows into `behind`.
  std::int64_t workspace_floats(std::int64_t rows, std::int64_t behind) const;
  /// [rows behind() `grid`, columns] in the workspace.
  View run(Backend& backend, Workspace& workspace, View in, Grid grid) const;

 private:
  ConvolutionShape shape_;
  std::int64_t columns_ = 0;
  std::unique_ptr<Buffer> weight_;  // [taps][columns]
  std::unique_ptr<Buffer> bias_;    // null where there is none
};

}  // namespace linnet
