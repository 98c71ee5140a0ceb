#pragma once

#include <cstdint>
#include <span>

#include "encoder/convolution.hpp"
#include "encoder/projector_spec.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Columns of a step, by the shapes of tensors in the file.
struct StepColumns {
  std::int64_t in = 0;     ///< of a row that it reads
  std::int64_t out = 0;    ///< of one that it makes; 0 if the tensor that tells them is missing
  std::int64_t inner = 0;  ///< between its projections, or codes of a book
};
StepColumns columns_of(const WeightLoader& loader, const ProjectorStep& step, std::int64_t in);

/// How the convolutions of a step move.
ConvolutionShape shape_of(const ProjectorStep& step);

/// Rows that a step makes of `rows`, where it puts several together or asks them.
std::int64_t merged_rows(const ProjectorStep& step, std::int64_t rows);
/// Rows that it adds to those of a picture of `lines` lines.
std::int64_t rows_beside(const ProjectorStep& step, std::int64_t lines);
/// Rows after it, at most, if there are `rows` before it in any number of lines.
std::int64_t most_rows_behind(const ProjectorStep& step, std::int64_t rows);

/// Floats of a workspace that it takes, with its result, of at most `rows` rows.
std::int64_t step_floats(const ProjectorStep& step, const StepColumns& columns, std::int64_t rows);

/// What becomes of rows of `columns` columns by `steps`, by the shapes of tensors in the file.
struct Projection {
  std::int64_t columns = 0;  ///< of a row of the text model; 0 if a tensor is missing
  std::int64_t rows = 0;     ///< that become of the rows, at most
  std::int64_t bytes = 0;    ///< that all steps take besides their weights
};
Projection projection_of(const WeightLoader& loader, std::span<const ProjectorStep> steps,
                         std::int64_t columns, std::int64_t rows);

}  // namespace linnet
