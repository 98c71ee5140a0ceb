#pragma once

#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

/// The part of a product that a thread block computes.
struct OutputTile {
  std::int64_t first_row, count, first_output;
  std::int32_t slice;

  __device__ OutputTile(const RowTiles& tiles, std::int64_t rows, int tile_rows, int tile_outputs)
      : first_row(tiles.firsts ? tiles.firsts[blockIdx.y] : std::int64_t{blockIdx.y} * tile_rows),
        count(tiles.counts ? tiles.counts[blockIdx.y] : rows - first_row),
        first_output(std::int64_t{blockIdx.x} * tile_outputs),
        slice(tiles.slices ? tiles.slices[blockIdx.y] : 0) {}
};

}  // namespace linnet::cuda
