#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/parameters.hpp"
#include "encoder/convolution.hpp"
#include "encoder/grid.hpp"

namespace linnet {

/// The epsilon of all norms of a network of convolutions.
inline constexpr float kNetEpsilon = 1e-6f;

/// Rows at some place of a network of convolutions, one for each place of a grid.
struct NetRows {
  Grid grid;
  std::int64_t columns = 0;

  std::int64_t floats() const { return grid.area() * columns; }
  bool operator==(const NetRows&) const = default;
};

/// What becomes of such rows.
struct NetStep {
  enum class Kind {
    kConvolve,   ///< by the weights `name` over squares
    kDepthwise,  ///< the same, each column by itself
    kPointwise,  ///< by the weights `name` over single places
    kNorm,       ///< of a row, with the weights `name`
    kActivate,
    kScale,     ///< each column times its factor in the vector `name`
    kAttend,    ///< see MultiQueryAttention
    kAddTable,  ///< plus the table `name`, which has a row for each place
    /// Plus its columns times their lengths over all places, in proportion to the mean length, with
    /// the weights `name` (https://arxiv.org/abs/2301.00808, section 3.2).
    kNormaliseColumns,
  } kind;
  std::string name = {};
  int side = 1;              ///< of squares
  int stride = 1;            ///< each this many places become one; zeros stand around the grid
  std::int64_t columns = 0;  ///< after it; 0: as many as before
  NormKind norm = NormKind::kRms;
  float epsilon = kNetEpsilon;
  Activation activation = Activation::kGelu;
  // Of kAttend.
  int heads = 1, key_width = 0, value_width = 0;

  ConvolutionShape shape() const { return {.side = side, .stride = stride, .covers_all = true}; }
  NetRows behind(NetRows in) const {
    const bool keeps_grid = kind != Kind::kConvolve && kind != Kind::kDepthwise;
    return {keeps_grid ? in.grid : shape().behind(in.grid), columns > 0 ? columns : in.columns};
  }
};

/// What is computed at once.
struct NetBlock {
  std::vector<NetStep> steps;
  bool adds_input = false;  ///< where its result has the same grid and columns
  bool is_kept = false;     ///< its result is a part of the network's

  NetRows behind(NetRows in) const {
    for (const NetStep& step : steps) in = step.behind(in);
    return in;
  }
};

/// A network of convolutions over square pictures. Its result are those of its kept blocks side by
/// side, in the grid of the first of them, over which the others are stretched.
struct ConvolutionalSpec {
  int side = 0;                  ///< of a picture, in pixels
  std::vector<NetBlock> blocks;  ///< none: there is no network

  NetRows picture() const { return {{side, side}, 3}; }
};

/// What the network makes of a picture.
NetRows net_result(const ConvolutionalSpec& spec);

/// About what a picture takes.
std::int64_t net_workspace_bytes(const ConvolutionalSpec& spec);

}  // namespace linnet
