#pragma once

#include "backend/cuda/kernels/latent_tile.cuh"

namespace linnet::cuda {

static_assert(kLatentKeys == kPageTokens, "the keys of a tile are the bits of one word");

/// The first of the tile's blocks of keys, from the one at `first` on, of which a query picked
/// some.
__device__ inline std::int32_t next_picked(const AttendTask& task, const QueryTile& tile,
                                           std::int32_t first, std::int32_t end) {
  if (!task.selected) return first;
  const int heads = task.params.heads, queries = tile.rows * heads;
  const int last = tile.query + kTileQueries < queries ? tile.query + kTileQueries : queries;
  for (; first < end; first += kLatentKeys) {
    for (int r = tile.query / heads; r <= (last - 1) / heads; ++r) {
      const std::int64_t row = tile.first + r;
      if (task.selected[row * task.batch.table_pages + first / kPageTokens] != 0) return first;
    }
  }
  return first;
}

/// Which keys of a page a query may see, as far as they were picked.
__device__ inline std::uint32_t picked_of_page(const AttendTask& task, const OwnQuery& own,
                                               std::int32_t page) {
  if (!task.selected || own.row < 0) return 0xffffffffu;
  return task.selected[own.row * task.batch.table_pages + page];
}

/// The keys of a tile as they lie in the pages, for attend_latent_tile().
template <int kWidth>
struct PagedLatents {
  const AttendTask& task;
  const QueryTile& tile;
  AttentionParams params;
  const std::int32_t* table;
  std::int32_t begin, end;

  __device__ PagedLatents(const AttendTask& all, const QueryTile& own)
      : task(all), tile(own), params(all.params) {
    params.scale = 1.0f;  // queries have it
    table = task.batch.tables + task.batch.sequences[tile.first] * task.batch.table_pages;
    const DeviceKeyRange keys = split_of(keys_of_tile(task, tile), task.splits);
    begin = next_picked(task, tile, keys.begin, keys.end);
    end = keys.end;
  }
  __device__ std::int32_t after(std::int32_t first) const {
    return next_picked(task, tile, first + kLatentKeys, end);
  }
  __device__ void look_ahead(std::int32_t) {}
  __device__ void keep(std::int32_t) {}
  __device__ void load(std::int32_t first, std::uint16_t* to) const {
    load_kv_tile<kWidth, kLatentKeys, kLatentWarps * kWarp>(task, table, 0, true, first, end, to);
  }
  __device__ void mask(std::int32_t first, const OwnQuery (&own)[2], float (&scores)[2][4],
                       float (&largest)[2]) const {
    const std::int32_t page = first / kPageTokens;
    const std::uint32_t picked[2] = {picked_of_page(task, own[0], page),
                                     picked_of_page(task, own[1], page)};
    const auto see = [&](int q, int i, float score) {
      const std::int32_t key = first + i;
      const bool seen = own[q].row >= 0 && key >= own[q].keys.begin && key < own[q].keys.end &&
                        (picked[q] >> (key % kPageTokens) & 1) != 0;
      return seen ? adjust_score(params, score, own[q].head, key, own[q].position) : -INFINITY;
    };
    mask_latents(see, scores, largest);
  }
};

/// One KV head, keys of kKeyWidth columns. Grid: (tiles, splits of the keys of each tile).
template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth>
__global__ void __launch_bounds__(kLatentWarps* kWarp, 1)
    attend_latents(AttendTask task, const QueryTile* tiles) {
  wait_for_previous_kernel();
  const QueryTile tile = tiles[gridDim.x - 1 - blockIdx.x];  // those with the most keys first
  PagedLatents<kKeyWidth> keys(task, tile);
  attend_latent_tile<kNumbers, kKeyWidth, kValueWidth>(task, tile, keys);
}

}  // namespace linnet::cuda
