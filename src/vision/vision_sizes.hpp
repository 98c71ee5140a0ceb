#pragma once

#include <cstdint>

#include "vision/vision_spec.hpp"

namespace linnet {

/// Rows that stand before the patches: class tokens, wherever the table of places has them.
std::int32_t rows_before_patches(const VisionSpec& spec);

/// Learned rows after `patches` patches: as many, or none.
std::int64_t queries_behind(const VisionSpec& spec, std::int64_t patches);

/// Most patches of a picture that the tower reads.
std::int64_t most_patches(const VisionSpec& spec);

/// Most rows that it reads.
std::int64_t most_rows(const VisionSpec& spec);

/// Most patches that the projector reads: see Tiling::joins_rows.
std::int64_t most_projected_patches(const VisionSpec& spec);

/// About what the largest picture takes besides the weights.
std::int64_t vision_workspace_bytes(const VisionSpec& spec);

}  // namespace linnet
