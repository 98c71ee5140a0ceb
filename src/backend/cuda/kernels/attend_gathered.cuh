#pragma once

#include "backend/cuda/kernels/latent_tile.cuh"

namespace linnet::cuda {

/// Keys that lie anywhere, in the order of a thread block's split, on their way to shared memory.
template <int kWidth>
struct GatheredTile {
  const AttendTask& task;
  const std::int32_t* places;  ///< of its rows
  std::int32_t in_window;      ///< its first rows
  std::int32_t left;           ///< what is beyond them becomes zeros

  /// Beyond the last row it is that one whose place is there.
  __device__ bool is_behind(unsigned row) const {
    const auto number = static_cast<std::int32_t>(row);
    return (number < left ? number : left - 1) >= in_window;
  }
  __device__ const std::uint8_t* keys(unsigned row) const {
    return is_behind(row) ? task.behind.keys : task.kv.keys;
  }
  __device__ void begin_copy(unsigned i, std::uint16_t* to) const {
    constexpr unsigned kPieces = kWidth / 8;
    const unsigned row = i / kPieces, column = i % kPieces * 8;
    // Pages of numbers of 16 bits have no gaps.
    begin_copy16(to + row * tile_stride(kWidth) + column,
                 keys(row) + std::int64_t{places[row]} * (2 * kWidth) + 2 * column,
                 static_cast<std::int32_t>(row) >= left);
  }
  __device__ KvLine line(unsigned row) const {
    const int slots = is_behind(row) ? task.behind.slots : kPageTokens;
    const std::int64_t page_bytes = kv_page_bytes(task.kv.type, kWidth, slots);
    return {keys(row) + places[row] / slots * page_bytes, places[row] % slots, slots,
            static_cast<std::int32_t>(row) < left};
  }
};

/// What a row sees, for attend_latent_tile(): the keys of its window, then those behind it, all
/// that it sees or those that it picked. A place is the page times its keys, and the key in it.
template <int kWidth>
struct GatheredLatents {
  const AttendTask& task;
  const std::int32_t* table;
  const std::int32_t* picked;            ///< places of the keys behind the window; or null
  std::int32_t* places;                  ///< [2][kLatentKeys]: of blocks of keys in turn
  std::int32_t first_of_window, window;  ///< the window's keys, and how many
  std::int32_t begin, end;
  std::int32_t ahead = 0;  ///< of a thread of the first warp: the place of its key two blocks ahead

  __device__ GatheredLatents(const AttendTask& all, std::int64_t row, std::int32_t* memory)
      : task(all), picked(nullptr), places(memory), first_of_window(0), window(0) {
    const DeviceBatch& batch = task.batch;
    const std::int32_t sequence = batch.sequences[row], position = batch.positions[row];
    table = batch.tables + sequence * batch.table_pages;
    if (task.params.window > 0) {
      const DeviceKeyRange keys = keys_of(task.params, position, batch.lengths[sequence]);
      first_of_window = keys.begin;
      window = keys.end - keys.begin;
    }
    std::int32_t count = window;
    if (task.places) {
      picked = task.places + row * task.most_picked;
      count += task.picked_counts[row];
    } else if (task.params.compressed.stride > 0) {
      count += (position + 1) / task.behind.stride;
    }
    const DeviceKeyRange own = split_of({0, count}, task.splits);
    begin = own.begin;
    end = own.end;
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < 2 * kLatentKeys) {
      places[(begin + thread) % (2 * kLatentKeys)] = place(begin + thread);
    }
    sync_block();
  }
  /// Of key `number`, or of the last one.
  __device__ std::int32_t place(std::int32_t number) const {
    if (number >= end) number = end > 0 ? end - 1 : 0;
    const bool in_window = number < window;
    if (!in_window && picked) return picked[number - window];
    const KvView& view = in_window ? task.kv : task.behind;
    const std::int32_t position =
        in_window ? first_of_window + number : (number - window) * view.stride + view.stride - 1;
    return table[position / kPageTokens] * view.slots + position % kPageTokens / view.stride;
  }
  __device__ std::int32_t after(std::int32_t first) const { return first + kLatentKeys; }
  __device__ void look_ahead(std::int32_t first) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < kLatentKeys) ahead = place(first + 2 * kLatentKeys + thread);
  }
  __device__ void keep(std::int32_t first) {
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < kLatentKeys) places[first % (2 * kLatentKeys) + thread] = ahead;
  }
  __device__ void load(std::int32_t first, std::uint16_t* to) const {
    const GatheredTile<kWidth> tile{task, places + first % (2 * kLatentKeys), window - first,
                                    end - first};
    begin_kv_tile<kWidth, kLatentKeys, kLatentWarps * kWarp>(task.kv.type, tile, to);
  }
  __device__ void mask(std::int32_t first, const OwnQuery (&own)[2], float (&scores)[2][4],
                       float (&largest)[2]) const {
    const auto see = [&](int q, int i, float score) {
      return own[q].row >= 0 && first + i < end ? score : -INFINITY;
    };
    mask_latents(see, scores, largest);
  }
};

/// Attention of one row after the other to its own keys: those of its window and, behind them,
/// compressed ones, or those that it picked. One KV head whose values are the first columns of its
/// keys. Grid: (rows * tiles of a row's heads, splits of its keys).
template <TileNumbers kNumbers, int kKeyWidth, int kValueWidth>
__global__ void __launch_bounds__(kLatentWarps* kWarp, 1) attend_gathered(AttendTask task) {
  __shared__ std::int32_t places[2 * kLatentKeys];
  wait_for_previous_kernel();
  const int tiles = (task.params.heads + kTileQueries - 1) / kTileQueries;
  const auto block = static_cast<std::int32_t>(blockIdx.x);
  const QueryTile tile{block / tiles, 1, block % tiles * kTileQueries};
  GatheredLatents<kKeyWidth> keys(task, tile.first, places);
  attend_latent_tile<kNumbers, kKeyWidth, kValueWidth>(task, tile, keys);
}

}  // namespace linnet::cuda
