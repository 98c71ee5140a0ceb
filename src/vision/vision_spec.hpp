#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/resize.hpp"
#include "model/model_spec.hpp"

namespace linnet {

/// How large a picture becomes before it is cut into patches: its sides are multiples of those of a
/// merged patch.
struct PictureSizing {
  int fixed_side = 0;  ///< both sides become this, whatever the picture's shape; 0: the shape stays
  std::int64_t least_tokens = 1;  ///< rows of the text model: smaller pictures grow to that
  std::int64_t most_tokens = 1;   ///< larger pictures shrink to that
  Resampling resampling = Resampling::kBicubic;
};

/// Learned embeddings of the places of patches, added to them.
enum class PlaceTable {
  kNone,
  kGrid,            ///< of a square of patches, for pictures of just that size
  kBilinear,        ///< of a square that is stretched over the picture, corner on corner
  kRowsAndColumns,  ///< one for the row and one for the column
};

/// One step from the tower's patches to rows of the text model.
struct ProjectorStep {
  enum class Kind {
    kMean,         ///< squares of `side` patches become their mean
    kConcatenate,  ///< squares of `side` patches become one row, patch behind patch
    kNorm,         ///< with the weights `name`, if the file has them
    kScale,        ///< times `number`
    kLinear,       ///< by the weights `name`
    kActivate,
    kBreakRows,  ///< the vector `name` ends each row of the picture but the last
  } kind;
  std::string name = {};
  int side = 1;
  NormKind norm = NormKind::kLayer;
  float number = 1.0f;  ///< the epsilon of a norm
  /// Of kLinear: how the file has the weights.
  enum class Weights {
    kUsual,
    kTransposed,        ///< [outputs][inputs] instead of [inputs][outputs]
    kColumnsOutermost,  ///< of the concatenated patches it has column by column, all patches of one
                        ///< side by side
  } weights = Weights::kUsual;
  Activation activation = Activation::kGelu;
};

/// What is made of a picture, between a tower of patches and a text model: read from the metadata
/// of an `mmproj` file by its family (src/vision/families/).
struct VisionSpec {
  std::string projector;  ///< the family: `clip.projector_type`
  std::string name;
  ModelSpec tower;       ///< of patches: all its rows are given
  int trained_side = 0;  ///< in pixels, of the pictures that the tower was trained with
  int patch_side = 0;    ///< in pixels
  int merge_side = 1;    ///< in patches, of the square that becomes a row of the text model
  std::array<float, 3> mean{}, deviation{};  ///< of the colours; pixels are 0 to 1 before
  PictureSizing sizing;
  PlaceTable places = PlaceTable::kNone;
  bool class_token = false;  ///< a row in front of the patches, which goes no further
  bool patch_norm = false;   ///< before the first layer
  int window_side =
      0;  ///< in merged patches, of what layers see (AttentionSpec::in_windows); 0: all
  std::vector<ProjectorStep> projector_steps;
  /// Of what layers keep (ModelSpec::kept_layers): more columns of the same rows, see
  /// ModelSpec::deep_inputs.
  std::vector<std::vector<ProjectorStep>> deep_steps;

  // In the text model.
  std::string_view before, after;  ///< texts, with special tokens, around a picture
  bool see_each_other = false;     ///< see GivenRows
  bool has_places = false;  ///< rows have places by height and width (AttentionSpec::placed_ropes)
};

}  // namespace linnet
