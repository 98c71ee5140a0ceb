#pragma once

#include "backend/memory.hpp"
#include "base/result.hpp"
#include "vision/pixels.hpp"

namespace linnet {

/// An encoder whose results a tower reads instead of a picture's patches, or a projector if there
/// is no tower.
class FrontEncoder {
 public:
  virtual ~FrontEncoder() = default;

  /// Columns of a row of end().
  virtual std::int64_t columns() const = 0;
  /// The memory that a picture takes; before the first one.
  virtual Status allocate() = 0;

  /// Begins with a picture of the size that the spec says.
  virtual Status begin(const Pixels& pixels) = 0;
  /// Computes the next layer; false if there was none left.
  virtual bool advance() = 0;
  /// After the last layer: a row for each patch (VisionSpec::patch_side), by rows from the top,
  /// which stay until the next begin().
  virtual View end() = 0;
};

}  // namespace linnet
