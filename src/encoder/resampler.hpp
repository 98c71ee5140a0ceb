#pragma once

#include <memory>
#include <vector>

#include "encoder/grid.hpp"
#include "encoder/projector_spec.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// Learned queries that look at all patches of a picture once and become its rows
/// (https://arxiv.org/abs/2408.01800, section 3.1).
class Resampler {
 public:
  /// `step`, of kResample, says how; `width` are the columns of a patch. What is wrong with the
  /// file goes to `loader`.
  Resampler(WeightLoader& loader, const ProjectorStep& step, std::int64_t width);

  /// Floats of a workspace that run() takes for at most `patches` patches, besides its result,
  /// whose rows have `columns` columns.
  static std::int64_t workspace_floats(std::int64_t columns, std::int64_t queries,
                                       std::int64_t patches);
  /// Where run() keeps the keys and values of `patches` patches.
  Result<std::unique_ptr<KvStore>> make_kv_store(Backend& backend, std::int64_t patches) const;

  /// `patches` of a picture of `grid`, by rows from the top, become `out` [queries, columns].
  void run(Backend& backend, Workspace& workspace, KvStore& kv, View patches, Grid grid,
           View out) const;

 private:
  void store_patches(Backend& backend, Workspace& workspace, KvStore& kv, View patches, Grid grid,
                     const BatchLayout& layout) const;
  std::vector<float> places_of(Grid grid) const;

  void normalise(Backend& backend, const Norm& norm, View in, View out) const;

  float norm_epsilon_;
  std::int64_t columns_ = 0;
  int heads_ = 1;
  std::unique_ptr<Buffer> queries_;
  Linear patches_, query_, key_, value_, output_;
  Norm query_norm_, patch_norm_;
};

}  // namespace linnet
