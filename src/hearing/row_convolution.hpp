#pragma once

#include <memory>
#include <string>

#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// A convolution of each column by itself along the rows of a sound ("depthwise"), beyond whose
/// ends are zeros.
class RowConvolution {
 public:
  RowConvolution() = default;
  /// `name`.weight [taps, columns], in any shape, and the optional `name`.bias [columns]. A row is
  /// made of the `later` rows after it, itself and those before it. What is wrong with the file
  /// goes to `loader`.
  RowConvolution(WeightLoader& loader, const std::string& name, std::int64_t columns, int taps,
                 int later);

  /// Floats of the layer of a state store that run() needs.
  static std::int64_t state_floats(std::int64_t columns, int taps);
  /// [rows of `in`, columns] in the workspace. `states` has a slot for one layer; its contents are
  /// lost.
  View run(Backend& backend, Workspace& workspace, StateStore& states, View in) const;

 private:
  int kernel_ = 0, later_ = 0;
  std::unique_ptr<Buffer> weight_;  // [kernel][columns]
  std::unique_ptr<Buffer> bias_;    // null if there is none
};

}  // namespace linnet
