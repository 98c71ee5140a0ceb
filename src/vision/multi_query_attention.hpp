#pragma once

#include <string>

#include "encoder/depthwise.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"
#include "vision/convolutional_spec.hpp"

namespace linnet {

/// Attention of all places of a grid to all, whose heads share their keys and values
/// (https://arxiv.org/abs/2404.10518, section 4). These are made of fewer places where the step has
/// a stride.
class MultiQueryAttention {
 public:
  /// What is wrong with the file goes to `loader`.
  MultiQueryAttention(WeightLoader& loader, const NetStep& step, std::int64_t columns);

  /// The keys and values of a grid of this many places.
  static KvLayerShape kv_shape(const NetStep& step) {
    return {1, step.key_width, step.value_width};
  }
  /// How many there are of them.
  static std::int64_t keys(const NetStep& step, NetRows in) {
    return step.shape().behind(in.grid).area();
  }
  /// Floats of a workspace that run() and a view of its result take.
  static std::int64_t workspace_floats(const NetStep& step, NetRows in);

  /// What becomes of rows after which stands one of zeros, into `out`. Keys and values are kept in
  /// the layer `layer` of `kv`.
  void run(Backend& backend, Workspace& workspace, KvStore& kv, int layer, View in, Grid grid,
           View out) const;

 private:
  /// What keys or values are made by.
  struct Source {
    DepthwiseConvolution fewer;  // not if there is no stride
    Norm norm;
    Linear linear;
  };
  Source load_source(WeightLoader& loader, const std::string& name, std::int64_t outputs) const;
  View make(Backend& backend, Workspace& workspace, const Source& source, View in, Grid grid) const;

  NetStep step_;
  std::int64_t columns_;
  Linear query_, output_;
  Source key_, value_;
};

}  // namespace linnet
