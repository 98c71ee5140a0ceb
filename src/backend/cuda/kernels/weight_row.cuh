#pragma once

#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/kernels/unpack.cuh"

namespace linnet::cuda {

/// A block's codes and scales as they lie in memory, on their way to one thread.
template <class L>
struct RowBlock {
  PackedBlock<L::codes> packed;
  std::uint32_t scales, super;  ///< scales of both groups, the first one's lowest

  __device__ GroupScale group(const WeightsView& w, int index) const {
    constexpr int kBits = 8 * scale_bytes(L::scale_kind, L::has_minimum);
    return group_scale(w, L::scale_kind, L::has_minimum, scales >> (kBits * index % 32), super);
  }
};

/// Asks for `bytes` of a row of a weight, kEarlyBytes at most, to be brought to the cache.
__device__ inline void ask_for_codes(const std::uint8_t* from, std::int64_t bytes) {
  const auto skipped = static_cast<std::int64_t>(-reinterpret_cast<std::uintptr_t>(from) % 16);
  const std::int64_t wanted = (bytes < kEarlyBytes ? bytes : kEarlyBytes) - skipped;
  if (wanted >= 16) begin_to_cache(from + skipped, static_cast<std::uint32_t>(wanted / 16 * 16));
}

/// Where one row of a weight lies.
template <class L>
struct WeightRow {
  using Packed = PackedBlock<L::codes>;
  /// Bytes of the scales of a block, if it has groups of its own.
  static constexpr int kScaleBytes =
      scale_bytes(L::scale_kind, L::has_minimum) * (L::two_groups ? 2 : 1);
  static_assert(kScaleBytes <= 4);
  const std::uint8_t *low, *high, *scales;
  const std::uint32_t* supers;
  int group_shift;

  WeightRow() = default;
  /// A weight has fewer rows, and a row fewer columns, than 2^32.
  __device__ WeightRow(const WeightsView& w, std::int64_t row) : group_shift(w.group_shift) {
    const auto columns = static_cast<std::uint32_t>(w.columns);
    const std::uint64_t index = static_cast<std::uint32_t>(row);
    constexpr int kOne = scale_bytes(L::scale_kind, L::has_minimum);
    low = as_one_address(w.low + index * (columns / kBlock * Packed::kLow * 4));
    high = as_one_address(w.high + index * (columns / kBlock * Packed::kHigh * 4));
    scales = as_one_address(w.scales + index * ((columns >> w.group_shift) * kOne));
    supers = as_one_address(reinterpret_cast<const std::uint32_t*>(w.supers) +
                            index * (columns / kSuperBlock));
  }

  __device__ std::uint32_t scale_bits(unsigned block) const {
    const bool as_blocks = L::two_groups || L::scale_kind == Scales::kSuper;
    const unsigned index = as_blocks ? block : block >> (group_shift - 5);
    if constexpr (kScaleBytes == 1) return scales[index];
    if constexpr (kScaleBytes == 2) return reinterpret_cast<const std::uint16_t*>(scales)[index];
    return reinterpret_cast<const std::uint32_t*>(scales)[index];
  }

  __device__ RowBlock<L> read(unsigned block) const {
    RowBlock<L> to{};
    read_words(low + block * Packed::kLow * 4, to.packed.low);
    if constexpr (Packed::kHigh > 0) read_words(high + block * Packed::kHigh * 4, to.packed.high);
    to.scales = scale_bits(block);
    to.super = L::scale_kind == Scales::kSuper ? supers[block / (kSuperBlock / kBlock)] : 0;
    return to;
  }
};

}  // namespace linnet::cuda
