#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "encoder/projector_spec.hpp"
#include "image/resize.hpp"
#include "model/given_rows.hpp"
#include "model/model_spec.hpp"
#include "vision/convolutional_spec.hpp"

namespace linnet {

/// How large a picture becomes before it is cut into patches: its sides are multiples of those of a
/// merged patch.
struct PictureSizing {
  /// The sides of pictures that keep their shape.
  enum class Choice {
    kNearest,  ///< the nearest sides
    kWithin,   ///< the next larger ones; pictures shrink to the limits and never grow
    kShape,    ///< the ones below or above of the shape nearest to the picture's; they never grow
    kSameArea  ///< nearest to the area of a square of `area_side` pixels
  } choice = Choice::kNearest;
  /// kWithin: the picture is not stretched; black fills the rest at the right and at the bottom.
  bool pads = false;
  int area_side = 0;
  int fixed_side = 0;  ///< both sides become this, whatever the picture's shape; 0: the shape stays
  /// The colour of the bars that make the picture a square of `fixed_side` if it is not one; none:
  /// it is stretched.
  std::optional<Colour> bars = {};
  bool rounds_to_nearest = false;  ///< see padded_with_bars(); else resized_with_bars()
  std::int64_t least_tokens = 1;   ///< rows of the text model: smaller pictures grow to that
  std::int64_t most_tokens = 1;    ///< larger pictures shrink to that
  std::int64_t longest_side = 0;   ///< in merged patches; 0: as long as `most_tokens` allows
  Resampling resampling = Resampling::kBicubic;
};

/// Learned embeddings of the places of patches, added to them.
enum class PlaceTable {
  kNone,
  kGrid,            ///< of a square of patches, for pictures of just that size
  kSpread,          ///< of a square that becomes the picture's size as images do, bicubically
  kCorners,         ///< of a square that is stretched over the picture, corner on corner, bilinear
  kBilinear,        ///< of a square that becomes the picture's size as images do, edge on edge
  kBetween,         ///< the same from the 2 nearest places each way, also if it shrinks
  kBetweenTenths,   ///< the same, as if each side of the picture were a tenth of a patch longer
  kBicubic,         ///< the same from 4 places each way, a = -0.75, also if it shrinks
  kBuckets,         ///< of a square: a patch has the place at the same fraction of each side
  kRowsAndColumns,  ///< one for the column and one for the row
};

/// M-RoPE position ids of a picture's rows in a text model (AttentionSpec::placed_ropes).
enum class RowPlaces {
  kNone,  ///< their positions, as those of texts
  /// All of a picture have one time, from which height and width go on; a text after it goes on
  /// from the longer side.
  kGrid,
  /// Time goes on as in a text; of the rows between the first and the last one width and height are
  /// counted from 0; each row of the picture ends with one of text, and the number of the
  /// picture is a place, too.
  kLines,
};

/// A row besides the patches, or several, which only goes through the tower.
enum class ClassToken {
  kNone,
  kFirst,    ///< the table of places has it in front of the patches
  kLast,     ///< after them
  kUnplaced  ///< it has none: VisionSpec::class_rows of them
};

/// An encoder whose results are the patches that the tower reads: see Sam.
struct SamSpec {
  int layers = 0;  ///< 0: there is none
  int heads = 1;
  std::int64_t width = 0;
  std::int64_t inner = 0;  ///< columns within a feed-forward part
  int side = 0;            ///< of a picture, in its own patches
  /// Sides of other pictures, for which what is learned of places is stretched.
  std::vector<int> other_sides = {};
  int window = 1;       ///< in patches, of what most layers see
  int patch_side = 16;  ///< in pixels
  Activation activation = Activation::kGelu;
};

/// Layers before those of a tower, which read what steps make of their results.
struct EarlyLayers {
  ModelSpec tower;      ///< no layers: there are none
  int window_side = 0;  ///< in patches, of what its layers see (AttentionSpec::in_windows); 0: all
  std::vector<ProjectorStep> steps;
  int merge_side = 1;  ///< of the squares of patches that the steps merge
};

/// How large pictures are cut into tiles. Each tile becomes rows of its own, and so does a small
/// picture of the whole, the overview. The picture gets the size of a grid of tiles.
struct Tiling {
  enum class Choice {
    kNone,
    kLargest,        ///< if larger than a tile: the grid in which it is largest, its shape kept
    kLargestAlways,  ///< the same for all pictures
    kLongestSide,    ///< the longer side becomes `longest`, both then whole tiles; always cut
    kShape,          ///< of `grids` the one whose shape is nearest; only of pictures of more than
                     ///< twice the area that PictureSizing::most_tokens allow
    kShapeAlways,    ///< the grid of the nearest shape; a grid of one tile is none
    kShapeOfLarge,   ///< if larger than a tile: the grid of the nearest shape
    kWindows,        ///< see crop_windows(); no longer than `longest`
    kArea,           ///< as many tiles as areas of PictureSizing::area_side go into the picture, or
                     ///< one more or less, in the grid whose shape is nearest; at most `most_tiles`
  } choice = Choice::kNone;
  int side = 0;  ///< of a tile, in pixels; of kArea each becomes a picture as others do
  int most_tiles = 0;
  std::vector<std::array<int, 2>> grids;  ///< columns and rows, in tiles
  int longest = 0;
  bool has_bars = false;  ///< the picture keeps its shape, black bars fill the grid; else stretched
  Resampling resampling = Resampling::kBicubic;
  bool overview_first = false;
  bool joins_rows = false;  ///< a row of tiles is one picture to the projector, and one piece
  /// All tiles are one picture to the text model: their rows go line by line through it, without
  /// those of bars, and each line ends with the vector `line_end`.
  bool joins = false;
  std::string_view line_end;
  // Texts, with special tokens, in this order: before_tiles, for a row of tiles (before_tile TILE
  // behind_tile, between_columns between them) behind_row, between_rows; behind_tiles.
  std::string_view before_tiles;
  std::string_view before_tile;  ///< with {row} and {column} in it, from 1
  std::string_view behind_tile;
  std::string_view between_columns;
  std::string_view between_rows;     ///< of tiles
  std::string_view behind_row;       ///< of tiles, the last one too
  std::string_view before_overview;  ///< after all of these
  std::string_view behind_overview;  ///< also for a picture that is not cut
  std::string_view behind_tiles;
  std::string_view before_whole;  ///< for a picture that is not cut
};

/// The tensor of as many learned rows as a picture of `side` pixels has patches.
struct LearnedRows {
  int side = 0;
  std::string name;
};

/// What is made of a picture, between a tower of patches and a text model: read from the metadata
/// of an `mmproj` file by its family (src/vision/families/).
struct VisionSpec {
  std::string projector;  ///< the family: `clip.projector_type`
  ModelSpec tower;        ///< reads patches, which are given rows; no layers: no tower
  int trained_side = 0;   ///< in pixels, of the pictures that the tower was trained with
  int patch_side = 0;     ///< in pixels
  int merge_side = 1;     ///< in patches, of the square that becomes a row of the text model
  std::array<float, 3> mean{}, deviation{};  ///< of the colours; pixels are 0 to 1 before
  PictureSizing sizing;
  Tiling tiling;
  PlaceTable places = PlaceTable::kNone;
  ClassToken class_token = ClassToken::kNone;
  int class_rows = 1;
  bool colours_innermost = false;  ///< the weights of patches have a pixel's colours side by side
  // Names of norms that come before the first layer; empty: there is none.
  std::string_view pixel_norm;      ///< of the values of patches
  std::string_view embedding_norm;  ///< of patches, before their places are added
  std::string_view patch_norm;      ///< of patches and class token
  int first_place =
      0;  ///< row and column of the first patch, for ropes; those of a class token are 0
  /// The projector reads what layers keep (ModelSpec::kept_layers), too, in front of the last one's
  /// columns.
  bool joins_kept = false;
  EarlyLayers early;
  SamSpec sam;
  ConvolutionalSpec net;
  bool joins_front = false;  ///< Sam's results come after the last layer's columns, too
  /// What comes after the patches. Patches see each other, these rows the patches and those
  /// before them. The projector reads them in the patches' stead. Empty: there are none.
  std::vector<LearnedRows> queries;
  int window_side =
      0;  ///< in merged patches, of what layers see (AttentionSpec::in_windows); 0: all
  /// Layers in windows see the squares of merged patches, instead, column by column, so that
  /// AttentionSpec::window goes down the columns.
  bool windows_are_columns = false;
  std::vector<ProjectorStep> projector_steps;
  /// Steps for what layers keep (ModelSpec::kept_layers): more columns of the same rows, see
  /// ModelSpec::deepstack_layers.
  std::vector<std::vector<ProjectorStep>> deep_steps;
  /// The kept layers that `projector_steps` and each of `deep_steps` read. Empty: the last
  /// layer, and all kept ones in order.
  std::vector<int> sources;

  /// Whether the tower, or the projector, reads what another encoder made of the picture.
  bool has_front() const { return sam.layers > 0 || !net.blocks.empty(); }

  // In the text model.
  std::string_view before, after;  ///< texts, with special tokens, around a picture
  /// The texts of other text models with the same encoder: those to which `other_before` is a
  /// token.
  std::string_view other_before = {}, other_after = {};
  SeeEachOther see_each_other = SeeEachOther::kNo;
  RowPlaces row_places = RowPlaces::kNone;

  /// Numbers of a patch: its colours.
  std::int64_t patch_values() const { return std::int64_t{3} * patch_side * patch_side; }
  /// Side of the squares of the tower's rows that become a row.
  int late_merge_side() const { return merge_side / early.merge_side; }
  /// Columns of what the projector reads.
  std::int64_t projected_columns() const {
    const std::int64_t kept = joins_kept ? std::ssize(tower.kept_layers) : 0;
    return tower.width * (1 + kept + (joins_front ? 1 : 0));
  }
};

}  // namespace linnet
