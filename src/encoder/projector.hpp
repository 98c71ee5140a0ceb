#pragma once

#include <memory>
#include <span>
#include <vector>

#include "encoder/grid.hpp"
#include "encoder/projector_spec.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

struct LoadedStep;

/// The steps from what a tower made of patches to rows of the text model, with their weights.
class Projector {
 public:
  /// `width`: columns of a patch. What is wrong with the file goes to `loader`.
  Projector(WeightLoader& loader, std::span<const ProjectorStep> steps, std::int64_t width);
  ~Projector();

  /// Columns of a row.
  std::int64_t columns() const { return columns_; }
  /// Floats of a workspace that run() takes for at most `patches` patches.
  std::int64_t workspace_floats(std::int64_t patches) const;
  /// The store that run() needs for a picture of `patches` patches; null if it needs none.
  Result<std::unique_ptr<KvStore>> make_kv_store(Backend& backend, std::int64_t patches) const;

  /// The rows of the text model that a picture of `grid` patches becomes, [rows, columns()] in the
  /// workspace. `place` names the row of `patches` that has each patch, by rows from the top.
  View run(Backend& backend, Workspace& workspace, KvStore* kv, View patches, Grid grid,
           std::span<const std::int32_t> place) const;

 private:
  std::vector<LoadedStep> steps_;
  std::int64_t columns_ = 0;
};

}  // namespace linnet
