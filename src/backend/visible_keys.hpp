#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/backend.hpp"
#include "backend/kv_pages.hpp"

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

/// Where a key lies in the pages of its sequence.
struct KeyPlace {
  std::int32_t page;  ///< of the sequence's table
  int slot;
};

/// The place of the key that stands for `stride` tokens, the last of which is at `position`.
inline KeyPlace key_place(std::int32_t position, int stride) {
  return {position / kPageTokens, position % kPageTokens / stride};
}

/// The same by the number of the key.
inline KeyPlace compressed_place(std::int32_t key, int stride) {
  return key_place(key * stride + stride - 1, stride);
}

/// How many keys, each of `stride` tokens, the query at `position` sees.
inline std::int32_t compressed_keys(std::int32_t position, int stride) {
  return (position + 1) / stride;
}

/// Pages of the longest sequence of a batch.
inline std::int64_t longest_pages(const BatchLayout& batch) {
  std::int64_t longest = 0;
  for (const std::int32_t length : batch.lengths) longest = std::max<std::int64_t>(longest, length);
  return pages_for(longest);
}

}  // namespace linnet
