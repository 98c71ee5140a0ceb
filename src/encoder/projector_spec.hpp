#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/parameters.hpp"

namespace linnet {

/// One step from the tower's patches, or the rows that it made of a sound, to rows of the text
/// model.
struct ProjectorStep {
  enum class Kind {
    kMean,         ///< squares of `side` patches become their mean
    kConcatenate,  ///< squares of `side` patches become one row, patch behind patch
    kNorm,         ///< with the weights `name`, if the file has them
    kScale,        ///< times `number`
    kLinear,       ///< by the weights `name`
    kActivate,
    kGate,         ///< what `name` gives, activated, times what `other` gives
    kStandardise,  ///< minus the vector `name`, times the vector `other`
    kBreakRows,    ///< the vector `name` ends each row of the picture but the last
    kEndRows,      ///< the same, and the last one, behind which comes the vector `other`
    kWrap,         ///< the vector `name` comes before all rows and the vector `other` behind them
    kConvolve,     ///< by the weights `name` over 3 x 3 rows; every `side`-th place becomes a row
    kResample,     ///< queries become the rows (ResamplerSpec); `name` is before its weights
    kMeanOfRuns,   ///< runs of `side` rows become their mean; fewer at the end are left out
    kJoinRuns,     ///< runs of `side` rows become one, row behind row; zeros fill the last one
    kGateOfHalf,   ///< of what `name` gives, the first half times the second one, activated
    kAskWindows,  ///< windows of `side` rows become learned `queries`; `name` is before the weights
                  ///< (QueryFormer), `activation` is that of its feed-forward parts
    kQuantise,    ///< rows become codes of the books `name`, of which `sizes` count, and rows of
                  ///< `other` again (ResidualQuantiser)
  } kind;
  std::string name = {}, other = {};
  int side = 1;
  std::vector<int> sizes = {};
  int queries = 0, heads = 1;  ///< of kAskWindows: rows of a window, and of attention
  NormKind norm = NormKind::kLayer;
  float number = 1.0f;  ///< the epsilon of a norm
  /// Of kLinear: how the file has the weights.
  enum class Weights {
    kUsual,
    kTransposed,        ///< [outputs][inputs] instead of [inputs][outputs]
    kColumnsOutermost,  ///< of the concatenated patches it has column by column, all patches of one
                        ///< side by side
    kConvolution,  ///< the same in four dimensions: columns and rows of patches, inputs, outputs
  } weights = Weights::kUsual;
  Activation activation = Activation::kGelu;
};

/// Of a projector that makes as many rows of every picture: see Resampler.
struct ResamplerSpec {
  std::int64_t queries = 0;  ///< rows of a picture; 0: there is none, and patches become rows
  std::int64_t columns = 0;  ///< of a query
  float norm_epsilon = 1e-6f;
};

}  // namespace linnet
