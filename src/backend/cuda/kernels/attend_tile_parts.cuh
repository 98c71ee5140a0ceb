#pragma once

#include "backend/cuda/kernels/attend.cuh"
#include "backend/cuda/kernels/bfloat_products.cuh"

/// What the kernels that take tiles of queries share.
namespace linnet::cuda {

/// How the numbers of a tile meet on tensor cores.
enum class TileNumbers {
  kHalves,  ///< keys and values in binary16, with factors rounded to binary16
  kBfloats  ///< in bfloat16, with each factor as the sum of two, because one has 8 bits
};

/// Of types that 16 bits hold. Caches of float32 are for those who want float32 arithmetic, which
/// the kernels of single rows have.
constexpr TileNumbers tile_numbers(KvType type) {
  return type == KvType::kBf16 ? TileNumbers::kBfloats : TileNumbers::kHalves;
}

/// The numbers whose sum stands for a factor (of queries, or weights of values).
constexpr int factor_parts(TileNumbers numbers) { return numbers == TileNumbers::kHalves ? 1 : 2; }

/// The parts of two factors side by side, the largest first.
template <TileNumbers kNumbers>
__device__ inline void split_pair(float first, float second,
                                  std::uint32_t (&parts)[factor_parts(kNumbers)]) {
  if constexpr (kNumbers == TileNumbers::kBfloats) {
    split_in_bfloats(first, second, parts);
  } else {
    parts[0] = to_halves(first, second);
  }
}

/// sum += a * b, with a in parts. b has the columns of two products: those of number `side`.
template <TileNumbers kNumbers>
__device__ inline void multiply_parts(float (&sum)[4],
                                      const std::uint32_t (&a)[factor_parts(kNumbers)][4],
                                      const std::uint32_t (&b)[4], int side) {
  if constexpr (kNumbers == TileNumbers::kBfloats) {
    multiply_bfloat16_tiles(sum, a[0], b[2 * side], b[2 * side + 1]);
    multiply_bfloat16_tiles(sum, a[1], b[2 * side], b[2 * side + 1]);
  } else {
    multiply_tiles(sum, a[0], b[2 * side], b[2 * side + 1]);
  }
}

/// Numbers of 16 bits of a row in shared memory: 16 bytes more than the columns, so that the eight
/// rows of a tile lie in different banks.
constexpr int tile_stride(int width) { return width + 8; }

/// What a thread knows of its two queries (of rows lane / 4 and lane / 4 + 8 of the warp's 16).
struct OwnQuery {
  std::int32_t row = -1;  ///< of the batch; -1: none
  int head = 0;
  std::int32_t position = 0;
  DeviceKeyRange keys{0, 0};
  float largest = -1e30f, total = 0.0f;
};

__device__ inline OwnQuery own_query(const AttendTask& task, const QueryTile& tile, int kv_head,
                                     int index) {
  const int group = task.params.heads / task.params.kv_heads;
  const int query = tile.query + index;
  OwnQuery own;
  if (query >= tile.rows * group) return own;
  own.row = tile.first + query / group;
  own.head = kv_head * group + query % group;
  own.position = task.batch.positions[own.row];
  own.keys = keys_of(task.params, own.position, task.batch.lengths[task.batch.sequences[own.row]]);
  return own;
}

/// The keys that any query of a tile sees.
__device__ inline DeviceKeyRange keys_of_tile(const AttendTask& task, const QueryTile& tile) {
  const int group = task.params.heads / task.params.kv_heads;
  const int last =
      tile.query + kTileQueries < tile.rows * group ? tile.query + kTileQueries : tile.rows * group;
  DeviceKeyRange all{0x7fffffff, 0};
  for (int r = tile.query / group; r <= (last - 1) / group; ++r) {
    const std::int32_t row = tile.first + r;
    const DeviceKeyRange keys = keys_of(task.params, task.batch.positions[row],
                                        task.batch.lengths[task.batch.sequences[row]]);
    if (keys.begin < all.begin) all.begin = keys.begin;
    if (keys.end > all.end) all.end = keys.end;
  }
  return all;
}

/// Keys or values [first, first + kKeys) to shared memory, zeros beyond `end`: of BF16 as they are,
/// of types that binary16 holds in it. By kThreads threads.
template <int kWidth, int kKeys, int kThreads>
__device__ inline void load_kv_tile(const AttendTask& task, const std::int32_t* table, int kv_head,
                                    bool keys, std::int32_t first, std::int32_t end,
                                    std::uint16_t* to) {
  constexpr int kPieces = kWidth / 8;
  for (int i = static_cast<int>(threadIdx.x); i < kKeys * kPieces; i += kThreads) {
    const std::int32_t key = first + i / kPieces;
    const int column = i % kPieces * 8;
    std::uint16_t* place = to + i / kPieces * tile_stride(kWidth) + column;
    const bool inside = key < end;
    const std::int64_t id = table[(inside ? key : end - 1) / kPageTokens];
    const std::uint8_t* page =
        keys ? task.kv.key_page(id, kv_head) : task.kv.value_page(id, kv_head);
    const int slot = key % kPageTokens;
    if (task.kv.type == KvType::kF16 || task.kv.type == KvType::kBf16) {
      begin_copy16(place, page + 2 * (slot * kWidth + column), !inside);
      continue;
    }
    float values[8] = {};
    if (inside && task.kv.type == KvType::kQ8_0) {
      read_kv_line<KvType::kQ8_0>(page, kWidth, slot, column, values);
    } else if (inside) {
      read_kv_line<KvType::kF8>(page, kWidth, slot, column, values);
    }
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      reinterpret_cast<std::uint32_t*>(place)[p] = to_halves(values[2 * p], values[2 * p + 1]);
    }
  }
}

/// The queries of a tile to shared memory, part by part. The scores' scale goes into them, which
/// keeps their numbers small.
template <TileNumbers kNumbers, int kWidth, int kThreads>
__device__ inline void load_queries(const AttendTask& task, const QueryTile& tile, int kv_head,
                                    std::uint16_t* to) {
  constexpr int kPairs = kWidth / 2, kParts = factor_parts(kNumbers);
  const int group = task.params.heads / task.params.kv_heads;
  for (int i = static_cast<int>(threadIdx.x); i < kTileQueries * kPairs; i += kThreads) {
    const int query = tile.query + i / kPairs;
    float pair[2] = {};
    if (query < tile.rows * group) {
      const float* from = task.queries + (tile.first + query / group) * task.query_stride +
                          (kv_head * group + query % group) * kWidth + i % kPairs * 2;
      pair[0] = from[0] * task.params.scale;
      pair[1] = from[1] * task.params.scale;
    }
    std::uint32_t parts[kParts];
    split_pair<kNumbers>(pair[0], pair[1], parts);
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      std::uint16_t* place =
          to + (part * kTileQueries + i / kPairs) * tile_stride(kWidth) + i % kPairs * 2;
      *reinterpret_cast<std::uint32_t*>(place) = parts[part];
    }
  }
}

}  // namespace linnet::cuda
