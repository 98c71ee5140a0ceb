#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hearing/hearing_spec.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// How the scores of a Conformer's attention have what a distance from query to key adds to them:
/// queries and keys get columns after those of a head, whose product it is.
class DistanceColumns {
 public:
  virtual ~DistanceColumns() = default;
  /// What the queries of a layer's heads are projected by, made of the tensor `name`.weight or, if
  /// it is a table, `name`; what is wrong with the file goes to `loader`.
  virtual std::vector<Linear> load(WeightLoader& loader, const std::string& name) const = 0;
  /// Those of keys at the places of `layout`, [rows, distance_columns()], the same for all heads.
  virtual void fill_keys(Backend& backend, const BatchLayout& layout, View keys) const = 0;
  /// Those of `query` [rows, heads * key columns], after the columns of each head in `all`.
  virtual void fill_queries(Backend& backend, Workspace& workspace, const BatchLayout& layout,
                            const std::vector<Linear>& heads, View query, View all) const = 0;
};

/// `spec`, which has a ConformerSpec, and `backend`, which `loader` loads into, must outlive the
/// object.
std::unique_ptr<DistanceColumns> make_distance_columns(WeightLoader& loader,
                                                       const HearingSpec& spec, Backend& backend);

/// Columns that a head gets.
int distance_columns(const HearingSpec& spec);

/// Floats of all layers' projections to them, at most; the file has others.
std::int64_t distance_weight_floats(const HearingSpec& spec);

}  // namespace linnet
