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
  static constexpr std::size_t kMemoryBytes =
      kStages * kStageBytes + kRows * sizeof(std::int32_t) + kMatrixAlignment;
  /// Groups of inputs whose weights are read ahead. Narrow tiles wait for memory.
  static constexpr int kAhead = kRows <= (is_float(L::codes) ? 64 : 128) ? 2 : 1;

  using Sums = float[kCount][kWide / 2];
  using Fragments = std::uint32_t[4][4];  // of four steps

  const WeightsView& w;
  const HalfRows& x;
  const OutputTile& tile;
  std::uint8_t* const stages;
  std::int32_t* const rows;  // of x, or -1
  std::int64_t output;       // of this lane, and eight more
  std::int64_t weight_row;

  __device__ WarpgroupTile(const WeightsView& weights, const HalfRows& inputs, const OutputTile& of)
      : w(weights),
        x(inputs),
        tile(of),
        stages(aligned_memory()),
        rows(reinterpret_cast<std::int32_t*>(stages + kStages * kStageBytes)) {
    const int thread = static_cast<int>(threadIdx.x);
    output = tile.first_output + thread / kWarp * 16 + thread % kWarp / 4;
    weight_row = tile.slice * w.rows + output;
  }

  __device__ static std::uint32_t offset(std::int64_t stage) {
    return static_cast<std::uint32_t>(stage) % kStages * kStageBytes;
  }
  __device__ static std::uint8_t* aligned_memory() {
    std::uint8_t* memory = launch_memory();
    return memory + (0u - shared_address(memory)) % kMatrixAlignment;
  }

  __device__ void find_rows(const RowTiles& tiles) const {
    for (int r = static_cast<int>(threadIdx.x); r < kRows; r += kTileThreads) {
      const std::int64_t at = tile.first_row + r;
      const std::int64_t row = r >= tile.count ? -1 : tiles.in_rows ? tiles.in_rows[at] : at;
      rows[r] = static_cast<std::int32_t>(row);
    }
  }

  __device__ void read(FragmentBlock<L> (&blocks)[2], std::int64_t group, bool is_there) const {
    const std::int64_t column =
        group * kFragmentInputs + static_cast<int>(threadIdx.x) % 4 * kBlock;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      blocks[i].read(w, weight_row + 8 * i, column, is_there && output + 8 * i < w.rows);
    }
  }

  /// Begins to fill a stage; eight threads a row.
  __device__ void fill(std::int64_t stage) const {
    const int thread = static_cast<int>(threadIdx.x), piece = thread % 8;
    std::uint8_t* to = stages + offset(stage);
    const std::uint16_t* from = x.values + stage * kStageInputs + piece * 8;
#pragma unroll
    for (int i = 0; i < kRows / 32; ++i) {
      const int r = i * 32 + thread / 8;
      const std::int32_t row = rows[r];
      begin_copy16(to + swizzled_place(r, piece * 16), from + (row < 0 ? 0 : row) * x.columns,
                   row < 0);
    }
  }

  __device__ void unpack(const FragmentBlock<L> (&blocks)[2], int half, Fragments& a) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      std::uint32_t pairs[4][2];
      blocks[i].unpack(w, half, pairs);
#pragma unroll
      for (int s = 0; s < 4; ++s) {
        a[s][i] = pairs[s][0];
        a[s][2 + i] = pairs[s][1];
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

  /// Begins the products of a stage.
  __device__ void begin(std::int64_t stage, Fragments& a, Sums& sums) const {
    const std::uint32_t address = shared_address(stages) + offset(stage);
    hold_all(a);
    begin_products();
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        begin_product(sums[c], a[s],
                      swizzled_matrix(address + c * kWide * kSwizzledRowBytes, s * 32));
      }
    }
    commit_products();
  }
};

template <class L, int kRows>
__device__ inline void finish_tile(const WarpgroupTile<L, kRows>& block,
                                   typename WarpgroupTile<L, kRows>::Sums& sums,
                                   const RowTiles& tiles, const Partial& partial,
                                   const Epilogue& epilogue) {
  using Tile = WarpgroupTile<L, kRows>;
  const OutputTile& tile = block.tile;
#pragma unroll
  for (int c = 0; c < Tile::kCount; ++c) {
#pragma unroll
    for (int p = 0; p < Tile::kWide / 4; ++p) {  // two outputs of one row
      const int r = c * Tile::kWide + p / 2 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + p % 2;
      hold(sums[c][p / 2 * 4 + p % 2]);
      hold(sums[c][p / 2 * 4 + p % 2 + 2]);
      if (r >= tile.count) continue;
      const std::int64_t at = tile.first_row + r;
      const float factor = block.x.inverses[block.rows[r]] * block.w.half_inverse;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const std::int64_t output = block.output + 8 * i;
        if (output >= block.w.rows) continue;
        const float sum = sums[c][p / 2 * 4 + p % 2 + 2 * i] * factor;
        if (partial.sums) {
          partial.sums[(blockIdx.z * partial.rows + at) * block.w.rows + output] = sum;
        } else {
          epilogue.put(tiles.out_rows ? tiles.out_rows[at] : at, output, tile.slice, sum);
        }
      }
    }
  }
}

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
  for (int i = 0; i < Tile::kAhead; ++i) block.read(ahead[i], first + i, first + i < last);
  wait_for_previous_kernel();
  block.find_rows(tiles);
  sync_block();
#pragma unroll
  for (int i = 0; i < Tile::kFilling; ++i) {
    if (2 * first + i < 2 * last) block.fill(2 * first + i);
    commit_copies();
  }
  typename Tile::Sums sums = {};
  typename Tile::Fragments a[2] = {};
  block.unpack(ahead[0], 0, a[0]);
  // Products of a stage run while its other half, or the next group's first, is unpacked.
  const auto multiply = [&](std::int64_t stage, int half) {
    wait_for_copy_batches<Tile::kFilling - 1>();
    show_to_products();
    sync_block();
    block.begin(stage, a[half], sums);
    if (stage + Tile::kFilling < 2 * last) block.fill(stage + Tile::kFilling);
    commit_copies();
    wait_for_products<1>();  // those before
    Tile::hold_all(a[1 - half]);
  };
  for (std::int64_t group = first; group < last; group += Tile::kAhead) {
#pragma unroll
    for (int i = 0; i < Tile::kAhead; ++i) {
      const std::int64_t now = group + i, next = now + Tile::kAhead;
      if (i > 0 && now >= last) break;
      multiply(2 * now, 0);
      block.unpack(ahead[i], 1, a[1]);
      block.read(ahead[i], next, next < last);
      multiply(2 * now + 1, 1);
      block.unpack(ahead[(i + 1) % Tile::kAhead], 0, a[0]);
    }
  }
  wait_for_products<0>();
  wait_for_copies();
  finish_tile(block, sums, tiles, partial, epilogue);
}

}  // namespace linnet::cuda
