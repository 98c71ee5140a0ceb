#pragma once

#include <memory>
#include <span>
#include <vector>

#include "encoder/convolution.hpp"
#include "encoder/depthwise.hpp"
#include "encoder/grid.hpp"
#include "encoder/projector_spec.hpp"
#include "encoder/query_former.hpp"
#include "encoder/resampler.hpp"
#include "encoder/residual_quantiser.hpp"
#include "encoder/window_queries.hpp"
#include "model/weight_loader.hpp"
#include "model/workspace.hpp"

namespace linnet {

/// Columns of what `step` gives for rows of `columns`, by the shape of the tensor that tells them
/// in the file; 0 where it is missing.
std::int64_t columns_behind(const WeightLoader& loader, const ProjectorStep& step,
                            std::int64_t columns);

/// Rows that a step makes of `rows`, where it puts several together.
std::int64_t merged_rows(const ProjectorStep& step, std::int64_t rows);

/// Rows of a step's columns that it takes of a workspace where `rows` come of it.
std::int64_t step_rows(const ProjectorStep& step, std::int64_t rows);

/// What becomes of rows of `columns` columns by `steps`, by the shapes of tensors in the file.
struct Projection {
  std::int64_t columns = 0;          ///< of a row of the text model; 0 where a tensor is missing
  std::int64_t rows = 0;             ///< that become of the rows, at most
  std::int64_t workspace_bytes = 0;  ///< of all steps, about
};

/// `queries`: ResamplerSpec::queries.
Projection projection_of(const WeightLoader& loader, std::span<const ProjectorStep> steps,
                         std::int64_t columns, std::int64_t rows, std::int64_t queries = 0);

/// The steps from what a tower made of patches to rows of the text model, with their weights.
class Projector {
 public:
  /// `width`: columns of a patch. What is wrong with the file goes to `loader`.
  Projector(WeightLoader& loader, std::span<const ProjectorStep> steps, std::int64_t width,
            const ResamplerSpec& resampler = {});

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
  struct Step {
    ProjectorStep spec;
    Norm norm;
    Linear linear, other;
    std::unique_ptr<Buffer> row, factors;  // `factors`: of kWrap, kEndRows the last row
    std::unique_ptr<Resampler> resampler;
    std::unique_ptr<QueryFormer> former;
    std::unique_ptr<ResidualQuantiser> quantiser;
    Convolution convolution;
    DepthwiseConvolution each;
    std::unique_ptr<WindowQueries> queries;
    std::int64_t columns = 0;  ///< of its result
  };
  struct Picture;

  Step load_step(WeightLoader& loader, const ProjectorStep& spec, int patches) const;
  static Grid grid_behind(const Step& step, Grid grid);
  View run(Backend& backend, Workspace& workspace, KvStore* kv, const Step& step,
           Picture& picture) const;
  View merge(Backend& backend, Workspace& workspace, const Step& step, View in, Grid grid,
             std::span<const std::int32_t> place) const;
  View merge_runs(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View break_rows(Backend& backend, Workspace& workspace, const Step& step, View in,
                  Grid grid) const;
  View end_rows(Backend& backend, Workspace& workspace, const Step& step, View in, Grid grid) const;
  View row_behind(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View wrap(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View gate(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View standardise(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View hard_swish(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View weigh_columns(Backend& backend, Workspace& workspace, const Step& step, View in) const;
  View apply(Backend& backend, Workspace& workspace, const Step& step, View in) const;

  std::vector<Step> steps_;
  ResamplerSpec resampler_;
  std::int64_t columns_ = 0;
};

}  // namespace linnet
