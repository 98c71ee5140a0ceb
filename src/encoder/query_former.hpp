#pragma once

#include <memory>
#include <string>
#include <vector>

#include "encoder/projector_spec.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// Learned queries that look, layer by layer, at each other and at a window of rows, and become the
/// rows of that window (https://arxiv.org/abs/2301.12597, section 3.1). Zeros fill the last window.
class QueryFormer {
 public:
  /// What they take does not grow with the rows.
  static constexpr std::int64_t kWindowsAtOnce = 32;

  /// `step`, of kAskWindows, says how; `width` are the columns of a row that it reads. What is
  /// wrong with the file goes to `loader`.
  QueryFormer(WeightLoader& loader, const ProjectorStep& step, std::int64_t width);

  /// Columns of a query.
  std::int64_t columns() const { return columns_; }
  /// Floats of a workspace that run() takes, whatever the rows.
  std::int64_t workspace_floats() const;
  /// Where run() keeps keys and values.
  Result<std::unique_ptr<KvStore>> make_kv_store(Backend& backend) const;

  /// `rows` become `out` [merged_rows() of them, columns()].
  void run(Backend& backend, Workspace& workspace, KvStore& kv, View rows, View out) const;

 private:
  struct Attention {
    Linear query, key, value, output;
    Norm behind;
  };
  struct Layer {
    Attention own, other;  // to the queries, and to the window
    Linear up, down;
    Norm last;
  };
  /// Windows that are computed together.
  struct Windows {
    Backend& backend;
    Workspace& workspace;
    KvStore& kv;
    View rows;  // [count * length, width]
    std::int64_t count;
  };

  Attention load_attention(WeightLoader& loader, const std::string& stem, std::int64_t width) const;
  Layer load_layer(WeightLoader& loader, int index) const;
  void run_windows(const Windows& windows, View x) const;
  void attend(const Windows& windows, const Attention& attention, View seen, View x) const;
  void feed_forward(const Windows& windows, const Layer& layer, View x) const;

  ProjectorStep step_;
  std::int64_t width_ = 0, columns_ = 0, inner_ = 0;
  std::unique_ptr<Buffer> queries_;
  Norm first_;
  std::vector<Layer> layers_;
};

}  // namespace linnet
