#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/backend.hpp"

namespace linnet {

/// The key positions [begin, end) that a query sees.
struct KeyRange {
  std::int32_t begin;
  std::int32_t end;
};

/// What the query at `position` of a sequence of `length` tokens sees.
inline KeyRange visible_keys(const AttentionParams& params, std::int32_t position,
                             std::int32_t length) {
  KeyRange range{0, params.causal ? position + 1 : length};
  if (params.span == AttentionSpan::kSliding && params.window > 0) {
    range.begin = std::max(0, position - params.window + 1);
  }
  if (params.span == AttentionSpan::kChunked && params.window > 0) {
    range.begin = position / params.window * params.window;
  }
  if (params.span == AttentionSpan::kCentred && params.window > 0) {
    range.begin = std::max(0, position - params.window / 2);
    range.end = position + std::min(range.end - position, params.window / 2 + 1);
  }
  return range;
}

/// Pages of the longest sequence of a batch.
inline std::int64_t longest_pages(const BatchLayout& batch) {
  std::int64_t longest = 0;
  for (const std::int32_t length : batch.lengths) longest = std::max<std::int64_t>(longest, length);
  return (longest + kPageTokens - 1) / kPageTokens;
}

}  // namespace linnet
