#pragma once

#include <string>

#include "encoder/row_layout.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// A layer of queries that look at each other, and then at the rows of their sequence
/// (https://arxiv.org/abs/2301.12597, section 3.1). Norms stand after what is added.
class QueryLayer {
 public:
  struct Shape {
    int heads = 1;
    std::int64_t columns = 0;  ///< of a query, a multiple of `heads`
    std::int64_t width = 0;    ///< columns of a row that they look at
    float norm_epsilon = 1e-12f;
    Activation activation = Activation::kGeluErf;
  };

  /// Columns within its feed-forward part for one of a query, at most; models have four.
  static constexpr std::int64_t kMostInner = 8;

  /// `stem` comes before the names of its weights; what is wrong with the file goes to `loader`.
  QueryLayer(WeightLoader& loader, const std::string& stem, const Shape& shape);

  /// Columns within the feed-forward part, by the file.
  static std::int64_t inner_columns(const WeightLoader& loader, const std::string& stem);
  /// Floats of a workspace that run() takes, for queries of `columns` columns.
  static std::int64_t workspace_floats(std::int64_t columns, std::int64_t inner,
                                       std::int64_t queries, std::int64_t rows);
  /// Where run() keeps keys and values, in this many pages: those of the queries or of the rows.
  static Result<std::unique_ptr<KvStore>> make_kv_store(Backend& backend, const Shape& shape,
                                                        std::int64_t pages);

  /// Runs the layer on the `queries` of all sequences, whose queries and rows are arranged as the
  /// layouts say.
  void run(Backend& backend, Workspace& workspace, KvStore& kv, const RowLayout& query_layout,
           const RowLayout& row_layout, View rows, View queries) const;

 private:
  struct Attention {
    Linear query, key, value, output;
    Norm behind;
  };
  /// Who looks at what.
  struct Look {
    Backend& backend;
    Workspace& workspace;
    KvStore& kv;
    const RowLayout& from;
    const RowLayout& at;
  };

  Attention load_attention(WeightLoader& loader, const std::string& stem, std::int64_t width) const;
  void attend(const Look& look, const Attention& attention, View seen, View x) const;
  void feed_forward(Backend& backend, Workspace& workspace, View x) const;

  Shape shape_;
  std::int64_t inner_ = 1;
  Attention own_, other_;  // to the queries, and to the rows
  Linear up_, down_;
  Norm last_;
};

}  // namespace linnet
