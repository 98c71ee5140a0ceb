#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "encoder/grid.hpp"
#include "model/weight_loader.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// The learned embeddings of the places of patches, in host memory.
class PlaceTableValues {
 public:
  PlaceTableValues() = default;
  /// Reads `v.position_embd.weight`; what is wrong goes to `loader`.
  PlaceTableValues(WeightLoader& loader, const VisionSpec& spec);

  /// [patches, width]: what is added to the `patches` (by rows from the top) of a picture of `grid`
  /// patches. Of kGrid `grid` is that of the table; of kRowsAndColumns it has no more rows and
  /// columns than that.
  std::vector<float> of(Grid grid, std::span<const std::int32_t> patches) const;
  /// What is added to the class token, [width].
  std::span<const float> of_class_token() const { return row(class_token_); }

  explicit operator bool() const { return !values_.empty(); }

 private:
  std::span<const float> row(std::int64_t i) const {
    return std::span(values_).subspan(i * width_, width_);
  }
  void read_square(WeightLoader& loader, const VisionSpec& spec, std::int64_t rows);
  void add(std::int64_t i, float weight, std::span<float> to) const;

  PlaceTable kind_ = PlaceTable::kNone;
  std::int64_t width_ = 0;
  std::int64_t first_ = 0;        ///< row of the first patch
  std::int64_t class_token_ = 0;  ///< row of the class token
  int side_ = 0;                  ///< of the square, or rows for each of columns and rows
  std::vector<float> values_;
};

}  // namespace linnet
