#pragma once

#include "backend/cuda/kernels/fragment_block.cuh"
#include "backend/cuda/kernels/output_tile.cuh"
#include "backend/cuda/swizzled_matrix.hpp"
#include "backend/cuda/wgmma.cuh"

namespace linnet::cuda {

/// A thread block's share of a product on Hopper: two warpgroups with 64 outputs each, kRows rows
/// of inputs. Outputs are the rows of what wgmma multiplies: weights go from their packed form to
/// its registers; inputs, halved, come to shared memory in stages of kStageInputs.
template <class L, int kRows>
struct WarpgroupTile {
  /// Rows that one instruction takes, and instructions side by side.
  static constexpr int kWide = kRows < 128 ? kRows : 128, kCount = kRows / kWide;
  /// Stages in shared memory. One is multiplied, one was and may be read still, the others fill.
  static constexpr int kStages = 6, kFilling = kStages - 2;
  static constexpr int kStageBytes = kRows * kSwizzledRowBytes;
  /// Floats of a row of sums: its lanes' rows lie in different banks.
  static constexpr int kSumStride = kTileOutputs + 4;
  static_assert(kRows * kSumStride * 4 <= kStages * kStageBytes);
  static constexpr std::size_t kMemoryBytes =
      kStages * kStageBytes + kRows * sizeof(std::int32_t) + kMatrixAlignment;
  /// Groups of inputs whose weights are read ahead: two where there are registers for them.
  static constexpr bool kSmall = low_words(L::codes) + high_words(L::codes) < 6;
  static constexpr int kAhead =
      !is_float(L::codes) && (kRows == 128 || (kRows == 32 && kSmall)) ? 2 : 1;

  using Sums = float[kCount][kWide / 2];
  using Fragments = std::uint32_t[4][4];  // of four steps

  const WeightsView w;              // from the first output of the tile on
  const std::int64_t left_outputs;  // from there on
  const HalfRows& x;
  const OutputTile& tile;
  std::uint8_t* const stages;
  std::int32_t* const rows;  // of x
  const int output;          // of this lane, in the tile; and eight more

  __device__ WarpgroupTile(const WeightsView& weights, const HalfRows& inputs, const OutputTile& of)
      : w(from_row<L>(weights, of.slice * weights.rows + of.first_output)),
        left_outputs(weights.rows - of.first_output),
        x(inputs),
        tile(of),
        stages(aligned_memory()),
        rows(reinterpret_cast<std::int32_t*>(stages + kStages * kStageBytes)),
        output(static_cast<int>(threadIdx.x) / kWarp * 16 +
               static_cast<int>(threadIdx.x) % kWarp / 4) {}

  __device__ static constexpr int wrap(int slot) { return slot < kStages ? slot : slot - kStages; }
  __device__ static std::uint8_t* aligned_memory() {
    std::uint8_t* memory = launch_memory();
    return memory + (0u - shared_address(memory)) % kMatrixAlignment;
  }

  __device__ void find_rows(const RowTiles& tiles) const {
    for (int r = static_cast<int>(threadIdx.x); r < kRows && r < tile.count; r += kTileThreads) {
      const std::int64_t at = tile.first_row + r;
      rows[r] = static_cast<std::int32_t>(tiles.in_rows ? tiles.in_rows[at] : at);
    }
  }

  __device__ void read(FragmentBlock<L> (&blocks)[2], std::int64_t group) const {
    const std::int64_t column =
        group * kFragmentInputs + static_cast<int>(threadIdx.x) % 4 * kBlock;
#pragma unroll
    for (int i = 0; i < 2; ++i) blocks[i].read(w, output + 8 * i, left_outputs, column);
  }

  /// Begins to fill a slot with a stage; eight threads a row. What stands beyond the last row does
  /// not matter: it meets no sums that are kept.
  __device__ void fill(int slot, std::int64_t stage) const {
    const int thread = static_cast<int>(threadIdx.x), piece = thread % 8;
    std::uint8_t* to = stages + slot * kStageBytes;
    const std::uint16_t* from = x.values + stage * kStageInputs + piece * 8;
    const auto columns = static_cast<std::uint32_t>(x.columns);
#pragma unroll
    for (int i = 0; i < kRows / 32; ++i) {
      const int r = i * 32 + thread / 8;
      if (r >= tile.count) continue;
      const auto row = static_cast<std::uint32_t>(rows[r]);
      begin_copy16(to + swizzled_place(r, piece * 16), from + std::uint64_t{row} * columns, false);
    }
  }

  __device__ void unpack(const FragmentBlock<L> (&blocks)[2], int half, Fragments& a) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      std::uint32_t pairs[4][2];
      blocks[i].unpack(w, half, pairs);
#pragma unroll
      for (int s = 0; s < 4; ++s) {
        // Binary16 numbers need no unpacking, but the registers that they are read to are written
        // anew while these are multiplied.
        const bool as_read = L::codes == Codes::kHalf;
        a[s][i] = as_read ? in_own_register(pairs[s][0]) : pairs[s][0];
        a[s][2 + i] = as_read ? in_own_register(pairs[s][1]) : pairs[s][1];
      }
    }
  }

  __device__ static void hold_all(Fragments& a) {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) hold(a[s][i]);
    }
  }

  /// Begins the products of what is in a slot.
  __device__ void begin(int slot, Fragments& a, Sums& sums) const {
    const std::uint64_t matrix =
        swizzled_matrix(shared_address(stages) + static_cast<std::uint32_t>(slot * kStageBytes));
    hold_all(a);
    begin_products();
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        begin_product(sums[c], a[s], further_on(matrix, c * kWide * kSwizzledRowBytes + s * 32));
      }
    }
    commit_products();
  }

  /// Sums go through shared memory, so that they are written in whole lines and by a loop.
  __device__ void finish(Sums& sums, const RowTiles& tiles, const Partial& partial,
                         const Epilogue& epilogue) const {
    const int thread = static_cast<int>(threadIdx.x);
    auto* all = reinterpret_cast<float*>(stages);  // [kRows][kSumStride]
    sync_block();                                  // nobody multiplies any more
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
#pragma unroll
      for (int i = 0; i < kWide / 2; ++i) {
        const int row = c * kWide + i / 4 * 8 + thread % 4 * 2 + i % 2;
        hold(sums[c][i]);
        all[row * kSumStride + output + i / 2 % 2 * 8] = sums[c][i];
      }
    }
    sync_block();
    const int own = thread % kTileOutputs;
    if (own >= left_outputs) return;
    const std::int64_t column = tile.first_output + own, outputs = tile.first_output + left_outputs;
#pragma unroll 4
    for (int r = thread / kTileOutputs; r < kRows && r < tile.count;
         r += kTileThreads / kTileOutputs) {
      const std::int64_t at = tile.first_row + r;
      const float sum = all[r * kSumStride + own] * x.inverses[rows[r]] * w.half_inverse;
      if (partial.sums) {
        partial.sums[(blockIdx.z * partial.rows + at) * outputs + column] = sum;
      } else {
        epilogue.put(tiles.out_rows ? tiles.out_rows[at] : at, column, tile.slice, sum);
      }
    }
  }
};

/// Grid: (tiles of outputs, tiles of rows, splits of the inputs). `x` is in the order of
/// fragment_input().
template <class L, int kRows>
__global__ void __launch_bounds__(kTileThreads, kRows <= 64 ? 2 : 1)
    multiply_warpgroups(WeightsView w, HalfRows x, std::int64_t rows, RowTiles tiles,
                        Partial partial, Epilogue epilogue) {
  if (!has_wgmma()) return;
  using Tile = WarpgroupTile<L, kRows>;
  if (tiles.counts) wait_for_previous_kernel();  // which made the lists
  const OutputTile tile(tiles, rows, kRows, kTileOutputs);
  if (tile.count <= 0) return;
  const Tile block(w, x, tile);
  const std::int64_t all = x.columns / kFragmentInputs;
  const std::int64_t first = partial.sums ? blockIdx.z * partial.steps_a_split : 0;
  const std::int64_t last =
      partial.sums && first + partial.steps_a_split < all ? first + partial.steps_a_split : all;
  FragmentBlock<L> ahead[Tile::kAhead][2];
#pragma unroll
  for (int i = 0; i < Tile::kAhead; ++i) block.read(ahead[i], first + i);
  wait_for_previous_kernel();
  block.find_rows(tiles);
  sync_block();
#pragma unroll
  for (int i = 0; i < Tile::kFilling; ++i) {
    if (2 * first + i < 2 * last) block.fill(i, 2 * first + i);
    commit_copies();
  }
  typename Tile::Sums sums = {};
  typename Tile::Fragments a[2] = {};
  block.unpack(ahead[0], 0, a[0]);
  // Products of a stage run while its other half, or the next group's first, is unpacked.
  int slot = 0;
  const auto multiply = [&](std::int64_t stage, int half) {
    wait_for_copy_batches<Tile::kFilling - 1>();
    show_to_products();
    sync_block();
    block.begin(slot, a[half], sums);
    const std::int64_t later = stage + Tile::kFilling;
    if (later < 2 * last) block.fill(Tile::wrap(slot + Tile::kFilling), later);
    commit_copies();
    slot = Tile::wrap(slot + 1);
    wait_for_products<1>();  // those before
    Tile::hold_all(a[1 - half]);
  };
  for (std::int64_t group = first; group < last; group += Tile::kAhead) {
#pragma unroll
    for (int i = 0; i < Tile::kAhead; ++i) {
      const std::int64_t now = group + i;
      if (i > 0 && now >= last) break;
      multiply(2 * now, 0);
      block.unpack(ahead[i], 1, a[1]);
      block.read(ahead[i], now + Tile::kAhead);
      multiply(2 * now + 1, 1);
      block.unpack(ahead[(i + 1) % Tile::kAhead], 0, a[0]);
    }
  }
  wait_for_products<0>();
  wait_for_copies();
  block.finish(sums, tiles, partial, epilogue);
}

}  // namespace linnet::cuda
