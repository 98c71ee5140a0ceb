#pragma once

#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

/// Rows that a thread block takes together.
struct RowTile {
  std::int64_t first_row, count;
  std::int32_t slice;

  __device__ RowTile(const RowTiles& tiles, std::int64_t rows, int tile_rows)
      : first_row(tiles.firsts ? tiles.firsts[blockIdx.y] : std::int64_t{blockIdx.y} * tile_rows),
        count(tiles.counts ? tiles.counts[blockIdx.y] : rows - first_row),
        slice(tiles.slices ? tiles.slices[blockIdx.y] : 0) {}
};

/// The part of a product that a thread block computes: kTileOutputs outputs of a tile of rows.
struct OutputTile : RowTile {
  const Product& product;
  std::int64_t first_output;

  __device__ OutputTile(const Products& all, const RowTiles& tiles, std::int64_t rows,
                        int tile_rows)
      : OutputTile(all, all.of_block(blockIdx.x), RowTile(tiles, rows, tile_rows)) {}

 private:
  __device__ OutputTile(const Products& all, int own, const RowTile& rows)
      : RowTile(rows),
        product(all.products[own]),
        first_output(std::int64_t{blockIdx.x - all.firsts[own]} * kTileOutputs) {}
};

/// Puts sums where they belong, as mma.m16n8 and wgmma leave them: in fragments of 16 outputs and 8
/// rows, of which lane l has the rows l % 4 * 2 (+ 1) of the outputs l / 4 (+ 8).
struct FragmentOutputs {
  const OutputTile& tile;
  const HalfRows& x;
  const RowTiles& tiles;
  std::int64_t first;  // output of this lane
  Epilogue::Terms terms[2];

  /// `outputs`: which 16 of the tile's.
  __device__ FragmentOutputs(const OutputTile& of, const HalfRows& inputs, const RowTiles& lists,
                             int outputs)
      : tile(of),
        x(inputs),
        tiles(lists),
        first(of.first_output + outputs * 16 + threadIdx.x % kWarp / 4) {
#pragma unroll
    for (int o = 0; o < 2; ++o) {
      if (exists(o)) terms[o] = tile.product.epilogue.terms(first + 8 * o, tile.slice);
    }
  }

  /// sums[2 o + r] is output o and row r of the four; `row`: the fragment's first one in the tile.
  __device__ void put(int row, const float (&sums)[4]) const {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int own = row + static_cast<int>(threadIdx.x) % 4 * 2 + r;
      if (own >= tile.count) continue;
      const std::int64_t at = tile.first_row + own;
      const float inverse = x.inverses[tiles.in_rows ? tiles.in_rows[at] : at];
      const std::int64_t to = tiles.out_rows ? tiles.out_rows[at] : at;
#pragma unroll
      for (int o = 0; o < 2; ++o) {
        if (!exists(o)) continue;
        tile.product.epilogue.put(to, first + 8 * o, terms[o],
                                  sums[2 * o + r] * inverse * tile.product.w.half_inverse);
      }
    }
  }

 private:
  __device__ bool exists(int o) const { return first + 8 * o < tile.product.w.rows; }
};

/// All fragments of a warp: those of the 16 outputs `outputs` + o of the tile, and 8 rows from
/// `row` + 8 r on. They go to the parts that are to be added, if there are such.
template <int kOutputs, int kRows>
__device__ inline void put_fragments(const OutputTile& tile, const HalfRows& x,
                                     const RowTiles& tiles, const Partial& partial, int outputs,
                                     int row, const float (&sums)[kOutputs][kRows][4]) {
#pragma unroll
  for (int o = 0; o < kOutputs; ++o) {
    if (partial.sums) {
      const unsigned place = static_cast<unsigned>(outputs + o) * kWarp + threadIdx.x % kWarp;
      float4* to = partial.at(blockIdx.z, tile.first_row + row, place);
#pragma unroll
      for (int r = 0; r < kRows; ++r, to += std::uint64_t{gridDim.x} * kTileThreads) {
        const float(&own)[4] = sums[o][r];
        if (row + 8 * r < tile.count) *to = {own[0], own[1], own[2], own[3]};
      }
      continue;
    }
    const FragmentOutputs to(tile, x, tiles, outputs + o);
#pragma unroll
    for (int r = 0; r < kRows; ++r) to.put(row + 8 * r, sums[o][r]);
  }
}

}  // namespace linnet::cuda
