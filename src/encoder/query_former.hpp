#pragma once

#include <memory>
#include <vector>

#include "encoder/projector_spec.hpp"
#include "encoder/query_layer.hpp"

namespace linnet {

/// Learned queries that become the rows of each window of rows: see QueryLayer. Zeros fill the last
/// window.
class QueryFormer {
 public:
  /// `step`, of kAskWindows, says how; `width` are the columns of a row that it reads. What is
  /// wrong with the file goes to `loader`.
  QueryFormer(WeightLoader& loader, const ProjectorStep& step, std::int64_t width);

  /// Columns within the widest feed-forward part, by the file.
  static std::int64_t inner_columns(const WeightLoader& loader, const ProjectorStep& step);
  /// Floats of a workspace that run() takes, whatever the rows, which have `width` columns, and
  /// queries `columns`.
  static std::int64_t workspace_floats(const ProjectorStep& step, std::int64_t width,
                                       std::int64_t columns, std::int64_t inner);
  /// Pages of keys and values.
  static std::int64_t pages(const ProjectorStep& step);
  /// Where run() keeps keys and values.
  Result<std::unique_ptr<KvStore>> make_kv_store(Backend& backend) const;

  /// `rows` become `out`: merged_rows() of them, with the columns of a query.
  void run(Backend& backend, Workspace& workspace, KvStore& kv, View rows, View out) const;

 private:
  void begin(Backend& backend, View queries) const;

  ProjectorStep step_;
  QueryLayer::Shape shape_;
  std::unique_ptr<Buffer> queries_;
  Norm first_;
  std::vector<QueryLayer> layers_;
};

}  // namespace linnet
