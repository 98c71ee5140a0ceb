#pragma once

#include "backend/cuda/kernels/kv_view.cuh"

namespace linnet::cuda {

struct RopeTask {
  RopeLayout layout = RopeLayout::kNone;  ///< kNone: nothing is turned
  int first = 0, dims = 0;
  float magnitude = 1.0f;
  const float* inverse_frequencies = nullptr;
  const std::int32_t* positions = nullptr;
};

enum class Stored : std::uint8_t { kNowhere, kAsKeys, kAsValues };

/// What happens to the heads of queries, keys or values before attention, in this order.
struct HeadWork {
  View x;  ///< [rows, heads * width], in place
  int heads = 0, width = 0;
  bool normalised = false;
  NormParams norm = {};
  RopeTask rope = {};
  Stored stored = Stored::kNowhere;
};

/// The work of one launch; no two have heads in common.
struct HeadWorks {
  static constexpr int kMost = 4;
  HeadWork works[kMost];
  // Not an int: padding beyond 512 bytes is what GCC 12 clears in the wrong place (LaunchQueue).
  std::int64_t count = 0;
  KvView kv = {};          ///< of what is stored
  DeviceBatch batch = {};  ///< likewise
};

}  // namespace linnet::cuda
