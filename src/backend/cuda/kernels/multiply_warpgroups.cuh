#pragma once

#include "backend/cuda/kernels/fragment_block.cuh"
#include "backend/cuda/kernels/output_tile.cuh"
#include "backend/cuda/swizzled_matrix.hpp"
#include "backend/cuda/wgmma.cuh"

namespace linnet::cuda {

/// A thread block's share of a product on Hopper: two warpgroups with 64 outputs each, kRows rows
/// of inputs. Outputs are the rows of what wgmma multiplies: weights go from their packed form to
/// its registers; inputs, in binary16, come to shared memory in stages of kFragmentInputs, two matrices
/// each.
template <class L, int kRows>
struct WarpgroupTile {
  /// Rows that one instruction takes, and instructions side by side.
  static constexpr int kWide = kRows < 128 ? kRows : 128, kCount = kRows / kWide;
  /// Stages in shared memory. One is multiplied, one was and may be read still, the others fill.
  static constexpr int kStages = kRows <= 128 ? 4 : 3, kFilling = kStages - 2;
  static constexpr unsigned kMatrixBytes = kRows * kSwizzledRowBytes,
                            kStageBytes = 2 * kMatrixBytes;
  static constexpr std::size_t kMemoryBytes = kStages * kStageBytes + kMatrixAlignment;
  /// Groups of inputs whose weights are read ahead: two where there are registers for them.
  static constexpr int kAhead = kRows == 128 && !is_float(L::codes) ? 2 : 1;
  /// The next group's weights are read when this one's are unpacked: there is no room for both.
  static constexpr bool kReadsLate = kRows <= 64 &&
                                     sizeof(FragmentBlock<L>) > (kRows == 32 ? 48 : 32);
  /// Turns of the loop that the compiler writes out where instructions count most, so that what was
  /// read ahead is not moved to other registers.
  static constexpr int kTurns = kRows == 32 && !is_float(L::codes) ? 2 : 1;
  /// Threads that fill a row of a matrix, and rows that are filled at once.
  static constexpr int kPieces = kSwizzledRowBytes / 16, kFilled = kTileThreads / kPieces;
  static constexpr std::uint32_t kNoRow = ~0u;

  using Sums = float[kCount][kWide / 2];
  using Fragments = std::uint32_t[4][4];  // of four steps
  using Row = FragmentRow<L>;
  using Block = typename Row::Block;

  const WeightsView& w;
  const HalfRows& x;
  const std::uint32_t stages;  // where they begin in shared memory
  const std::uint32_t own;     // where this thread's piece of the first row lies in a matrix
  const unsigned last_block;   // of a row of weights
  Row rows[2];                 // of weights
  // Where this thread's piece of each row of inputs begins, in pieces.
  std::uint32_t pieces[kRows / kFilled];

  __device__ WarpgroupTile(const OutputTile& tile, const HalfRows& inputs)
      : w(tile.product.w),
        x(inputs),
        stages((shared_address(launch_memory()) + kMatrixAlignment - 1) / kMatrixAlignment *
               kMatrixAlignment),
        own(swizzled_place(threadIdx.x / kPieces, threadIdx.x % kPieces * 16)),
        last_block(static_cast<unsigned>(w.columns - 1) / kBlock) {
    const unsigned thread = threadIdx.x;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      // Beyond the last output it is the last one: what becomes of such a row is not kept.
      const std::int64_t output =
          tile.first_output + thread / kWarp * 16 + thread % kWarp / 4 + 8 * i;
      rows[i] = Row(w, tile.slice * w.rows + (output < w.rows ? output : w.rows - 1));
    }
  }

  /// The slot `more` stages behind a slot.
  __device__ static constexpr int behind(int slot, int more) {
    slot += more;
    return kStages == 4 ? slot & 3 : slot < kStages ? slot : slot - kStages;
  }

  /// What stands in shared memory beyond the last row does not matter: it meets no sums that are
  /// kept.
  __device__ void find_inputs(const OutputTile& tile, const RowTiles& tiles) {
    const unsigned thread = threadIdx.x;
#pragma unroll
    for (int i = 0; i < kRows / kFilled; ++i) {
      const unsigned r = i * kFilled + thread / kPieces;
      pieces[i] = kNoRow;
      if (r >= tile.count) continue;
      const std::int64_t at = tile.first_row + r;
      const auto row = static_cast<std::uint32_t>(tiles.in_rows ? tiles.in_rows[at] : at);
      pieces[i] = row * static_cast<std::uint32_t>(x.columns / 8) + thread % kPieces;
    }
  }

  /// Asks for the codes of the groups [first, last), each row by one of the four lanes that share
  /// it.
  __device__ void ask_for(int first, int last) const {
    const unsigned lane = threadIdx.x % 4, block = static_cast<unsigned>(first) * 4;
    const unsigned wanted = static_cast<unsigned>(last) * 4;
    const unsigned blocks = (wanted < last_block ? wanted : last_block) - block;
    const std::uint8_t *upper = rows[0].codes(w, block), *lower = rows[1].codes(w, block);
    const std::uint8_t* from = lane == 0 ? upper : lower;
    if (lane < 2) ask_for_codes(from, std::int64_t{blocks} * Row::kCodeBytes);
  }

  /// Beyond the last block it is the last one, which meets zeros.
  __device__ void read(Block (&blocks)[2], int group) const {
    const unsigned block = static_cast<unsigned>(group) * 4 + threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 2; ++i)
      blocks[i] = rows[i].read(w, block < last_block ? block : last_block);
  }

  /// Begins to fill a slot with a stage; eight threads a row.
  __device__ void fill(int slot, int stage) const {
    const std::uint32_t to = stages + own + slot * kStageBytes;
    const std::uint16_t* from = x.values + stage * kFragmentInputs;
#pragma unroll
    for (int i = 0; i < kRows / kFilled; ++i) {
      if (pieces[i] == kNoRow) continue;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        begin_copy16(to + half * kMatrixBytes + i * kFilled * kSwizzledRowBytes,
                     from + std::uint64_t{pieces[i]} * 8 + half * kFragmentInputs / 2);
      }
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

  /// Begins the products of one of the two matrices of a slot.
  __device__ void begin(int slot, int half, Fragments& a, Sums& sums) const {
    const std::uint64_t matrix = swizzled_matrix(stages + slot * kStageBytes + half * kMatrixBytes);
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
};

/// Grid: (tiles of outputs of all products, tiles of rows, splits of the inputs). `x` is in the
/// order of fragment_input().
template <class L, int kRows>
__global__ void __launch_bounds__(kTileThreads, kRows <= 64 ? 2 : 1)
    multiply_warpgroups(const __grid_constant__ Products all, HalfRows x, std::int64_t rows,
                        RowTiles tiles, Partial partial) {
  if (!has_wgmma()) return;
  using Tile = WarpgroupTile<L, kRows>;
  if (tiles.counts) wait_for_previous_kernel();  // which made the lists
  const OutputTile tile(all, tiles, rows, kRows);
  if (tile.count <= 0) return;
  Tile block(tile, x);
  const int groups = static_cast<int>(x.columns / kFragmentInputs);
  const int split = partial.sums ? static_cast<int>(partial.steps_a_split) : groups;
  const int first = static_cast<int>(blockIdx.z) * split;
  const int last = first + split < groups ? first + split : groups;
  block.ask_for(first, last);
  typename Tile::Block ahead[Tile::kAhead][2];
#pragma unroll
  for (int i = 0; i < Tile::kAhead; ++i) block.read(ahead[i], first + i);
  block.find_inputs(tile, tiles);
  wait_for_previous_kernel();
#pragma unroll
  for (int i = 0; i < Tile::kFilling; ++i) {
    if (first + i < last) block.fill(i, first + i);
    commit_copies();
  }
  typename Tile::Sums sums = {};
  typename Tile::Fragments a[2] = {};
  int slot = 0;
  // Products of one half of a group run while its other half, or the next group's first, is
  // unpacked.
  const auto multiply = [&](int half) {
    if (half == 0) {
      wait_for_copy_batches<Tile::kFilling - 1>();
      show_to_products();
      sync_block();
    }
    block.begin(slot, half, a[half], sums);
    wait_for_products<1>();  // those before
    Tile::hold_all(a[1 - half]);
  };
#pragma unroll Tile::kTurns
  for (int group = first; group < last; group += Tile::kAhead) {
#pragma unroll
    for (int i = 0; i < Tile::kAhead; ++i) {
      const int now = group + i, later = now + Tile::kFilling;
      if (i > 0 && now >= last) break;
      const FragmentBlock<L> current[2] = {{block.w, ahead[i][0]}, {block.w, ahead[i][1]}};
      if (!Tile::kReadsLate) block.read(ahead[i], now + Tile::kAhead);
      block.unpack(current, 0, a[0]);
      multiply(0);
      if (later < last) block.fill(Tile::behind(slot, Tile::kFilling), later);
      commit_copies();
      block.unpack(current, 1, a[1]);
      if (Tile::kReadsLate) block.read(ahead[i], now + Tile::kAhead);
      multiply(1);
      slot = Tile::behind(slot, 1);
    }
  }
  wait_for_products<0>();
  wait_for_copies();
  float all_sums[1][kRows / 8][4];
#pragma unroll
  for (int i = 0; i < kRows * 2 / 4; ++i) {
    float& sum = sums[i * 2 / Tile::kWide][i % (Tile::kWide / 2)];
    hold(sum);
    all_sums[0][i / 4][i % 4] = sum;
  }
  put_fragments(tile, x, tiles, partial, static_cast<int>(threadIdx.x / kWarp), 0, all_sums);
}

}  // namespace linnet::cuda
