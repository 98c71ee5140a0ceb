#pragma once

#include <memory>
#include <span>
#include <vector>

#include "encoder/convolution.hpp"
#include "encoder/depthwise.hpp"
#include "encoder/projector_sizes.hpp"
#include "encoder/query_former.hpp"
#include "encoder/resampler.hpp"
#include "encoder/residual_quantiser.hpp"
#include "encoder/window_queries.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// A step of a projector with its weights: those that its kind has.
struct LoadedStep {
  ProjectorStep spec;
  StepColumns columns;
  int patches = 1;  ///< that a row which it reads is made of, side by side
  Norm norm = {};
  Linear linear = {}, other = {};                 ///< by `name` and `other`
  std::unique_ptr<Buffer> row = {}, behind = {};  ///< the vectors `name` and `other`
  Convolution convolution = {};
  DepthwiseConvolution each = {};
  std::unique_ptr<WindowQueries> windows = {};
  std::unique_ptr<Resampler> resampler = {};
  std::unique_ptr<QueryFormer> former = {};
  std::unique_ptr<ResidualQuantiser> quantiser = {};
};

/// The steps that read rows of `width` columns. What is wrong with the file goes to `loader`.
std::vector<LoadedStep> load_steps(WeightLoader& loader, std::span<const ProjectorStep> steps,
                                   std::int64_t width);

}  // namespace linnet
