#pragma once

#include <memory>
#include <span>
#include <string>

#include "encoder/grid.hpp"
#include "encoder/projector_spec.hpp"
#include "encoder/query_layer.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// What Granite 4 Vision makes of windows of patches: queries, to which means or corners of the
/// patches are added, look at each other and then at the patches of their window
/// (https://arxiv.org/abs/2301.12597).
class WindowQueries {
 public:
  /// `stem` comes before the names of its weights; what is wrong with the file goes to `loader`.
  WindowQueries(WeightLoader& loader, const std::string& stem, const WindowQueriesSpec& spec,
                std::int64_t columns);

  /// Columns within the feed-forward part, by the file.
  static std::int64_t inner_columns(const WeightLoader& loader, const std::string& stem);
  /// Floats of a workspace that run() takes, with its result, of patches of `columns` columns.
  static std::int64_t workspace_floats(const WindowQueriesSpec& spec, std::int64_t columns,
                                       std::int64_t inner, std::int64_t patches);
  /// Pages of keys and values.
  static std::int64_t pages(const WindowQueriesSpec& spec, std::int64_t patches);
  /// The store that run() needs for a picture of `patches` patches.
  Result<std::unique_ptr<KvStore>> make_kv_store(Backend& backend, std::int64_t patches) const;
  /// The queries of all windows, by rows of the picture from the top, in the workspace. `place`
  /// names the row of `patches` that has each patch.
  View run(Backend& backend, Workspace& workspace, KvStore& kv, View patches, Grid grid,
           std::span<const std::int32_t> place) const;

 private:
  struct Picture;

  void add_to_windows(Backend& backend, const Buffer& rows, std::int64_t count, View x) const;
  View make_queries(const Picture& picture, View normed, Grid grid,
                    std::span<const std::int32_t> place) const;

  WindowQueriesSpec spec_;
  std::int64_t columns_ = 0;
  std::unique_ptr<Buffer> query_, places_;
  Norm patch_norm_, query_norm_;
  QueryLayer layer_;
};

}  // namespace linnet
