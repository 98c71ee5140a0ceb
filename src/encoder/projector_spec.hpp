#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/parameters.hpp"

namespace linnet {

/// The parameters of kWindowQueries.
struct WindowQueriesSpec {
  int side = 2;        ///< of a window, in patches
  int query_side = 1;  ///< of its queries
  /// Queries begin with this patch of a square, by rows from the top; -1: with the mean.
  int corner = -1;
  float norm_epsilon = 1e-6f;  ///< of the norm of the patches

  std::int64_t patches() const { return std::int64_t{side} * side; }  ///< of a window
  std::int64_t queries() const { return std::int64_t{query_side} * query_side; }
  /// Side of the square of patches that becomes a row.
  int merged_side() const { return side / query_side; }
};

/// One step from the tower's patches, or the rows that it made of a sound, to rows of the text
/// model.
struct ProjectorStep {
  enum class Kind {
    kMean,         ///< squares of `side` patches become their mean
    kConcatenate,  ///< squares of `side` patches become one row, patch after patch
    kNorm,         ///< with the weights `name`, if the file has them
    kScale,        ///< times `number`
    kLinear,       ///< by the weights `name`
    kActivate,
    kGate,          ///< activation(`name`(row)) * `other`(row)
    kStandardise,   ///< minus the vector `name`, times the vector `other`
    kBreakRows,     ///< the vector `name` ends each row of the picture but the last
    kEndRows,       ///< the same, and the last one, after which comes the vector `other`, if any
    kWrap,          ///< the vector `name` comes before all rows and the vector `other` after them
    kRowBehind,     ///< after all rows comes the vector `name` or, if there is a norm `other`,
                    ///< the first row of the table `name`, normalised
    kConvolve,      ///< by the weights `name` over 3 x 3 rows; every `side`-th place becomes a row
    kResample,      ///< learned `queries` become the rows (Resampler); `name` is before its weights
    kMeanOfRuns,    ///< runs of `side` rows become their mean; fewer at the end are left out
    kJoinRuns,      ///< runs of `side` rows become one, row after row; zeros fill the last one
    kGateOfHalf,    ///< of what `name` gives, the first half times the second one, activated
    kAddMean,       ///< plus the mean of the squares of `side` patches that the first step read
    kKeep,          ///< nothing; its rows are kept
    kAddKept,       ///< plus the rows that were kept last
    kConvolveEach,  ///< as kConvolve, each column for itself (DepthwiseConvolution)
    kHardSwish,     ///< times their hard sigmoid, clamp(x / 6 + 1 / 2, 0, 1)
    /// Columns times factors for all rows: what the weights `name`, and after them `other`, make
    /// of the mean row (https://arxiv.org/abs/1709.01507), with ReLU and hard sigmoid.
    kWeighColumns,
    kWindowQueries,  ///< see WindowQueries; `name` is before its weights
    /// Windows of `side` rows become learned `queries` (QueryFormer); `name` is before the weights,
    /// `activation` is that of feed-forward parts.
    kAskWindows,
    /// Rows become codes of the books `name`, of which `sizes` count, and rows of `other` again
    /// (ResidualQuantiser).
    kQuantise,
  } kind;
  std::string name = {}, other = {};
  int side = 1;
  std::vector<int> sizes = {};
  int queries = 0;       ///< of kResample, and of a window of kAskWindows
  int heads = 1;         ///< of kAskWindows
  int least_height = 0;  ///< of kRowBehind, in places: lower pictures have no such row
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
  WindowQueriesSpec windows = {};

  static constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kQuantise) + 1;
};

}  // namespace linnet
