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

/// Where a row of a tile lies; zeros are put where there is none.
struct KvLine {
  const std::uint8_t* page;
  int slot, slots;
  bool inside;
};

/// kKeys keys or values of a KV head on their way to shared memory, eight numbers of one at a time.
template <int kWidth, int kKeys>
struct KvTile {
  // Without signs dividing takes fewer instructions.
  static constexpr unsigned kPieces = kWidth / 8;  // of one
  static constexpr int kPages = kKeys / kPageTokens;
  static_assert(kKeys % kPageTokens == 0 && kPages <= 2);
  const std::uint8_t* pages[kPages];
  std::int32_t left;  ///< of the keys; what is beyond them becomes zeros

  /// From `first` on, which begins a page.
  __device__ KvTile(const KvView& kv, const std::int32_t* table, int kv_head, bool keys,
                    std::int32_t first, std::int32_t end)
      : left(end - first) {
#pragma unroll
    for (int p = 0; p < kPages; ++p) {
      const std::int32_t key = first + p * kPageTokens;
      const std::int64_t id = table[(key < end ? key : end - 1) / kPageTokens];
      pages[p] = keys ? kv.key_page(id, kv_head) : kv.value_page(id, kv_head);
    }
  }
  /// The page of a row of the tile.
  __device__ const std::uint8_t* page(unsigned row) const {
    return row < kPageTokens ? pages[0] : pages[kPages - 1];
  }
  /// Piece `i` as it is, or zeros.
  __device__ void begin_copy(unsigned i, std::uint16_t* to) const {
    const unsigned row = i / kPieces, column = i % kPieces * 8;
    begin_copy16(to + row * tile_stride(kWidth) + column,
                 page(row) + 2 * (row % kPageTokens * kWidth + column),
                 static_cast<int>(row) >= left);
  }
  __device__ KvLine line(unsigned row) const {
    return {page(row), static_cast<int>(row % kPageTokens), kPageTokens,
            static_cast<int>(row) < left};
  }
};

/// kCount pieces from `i` on, `apart` from each other, in binary16. They are read before the first
/// is put, and all of them, so that nothing waits.
template <KvType kType, int kWidth, int kCount, class Tile>
__device__ inline void put_kv_pieces(const Tile& tile, unsigned i, unsigned apart,
                                     std::uint16_t* to) {
  constexpr unsigned kPieces = kWidth / 8;  // of one
  float values[kCount][8];
  bool inside[kCount];
#pragma unroll
  for (unsigned n = 0; n < kCount; ++n) {
    const unsigned row = (i + n * apart) / kPieces, column = (i + n * apart) % kPieces * 8;
    const KvLine line = tile.line(row);
    inside[n] = line.inside;
    read_kv_line<kType>(line.page, kWidth, line.slot, static_cast<int>(column), values[n],
                        line.slots);
  }
#pragma unroll
  for (unsigned n = 0; n < kCount; ++n) {
    const unsigned row = (i + n * apart) / kPieces, column = (i + n * apart) % kPieces * 8;
    const auto pair = [&](int p) {
      return inside[n] ? to_halves(values[n][2 * p], values[n][2 * p + 1]) : 0;
    };
    *reinterpret_cast<uint4*>(to + row * tile_stride(kWidth) + column) = {pair(0), pair(1), pair(2),
                                                                          pair(3)};
  }
}

/// All kKeys keys (or values) of a tile in binary16, by kThreads threads.
template <KvType kType, int kWidth, int kKeys, int kThreads, class Tile>
__device__ inline void put_kv_tile(const Tile& tile, std::uint16_t* to) {
  constexpr unsigned kSideBySide = 4, kAll = kKeys * (kWidth / 8);
  unsigned i = threadIdx.x;
#pragma unroll 1
  for (; i + (kSideBySide - 1) * kThreads < kAll; i += kSideBySide * kThreads) {
    put_kv_pieces<kType, kWidth, kSideBySide>(tile, i, kThreads, to);
  }
#pragma unroll 1
  for (; i < kAll; i += kThreads) put_kv_pieces<kType, kWidth, 1>(tile, i, kThreads, to);
}

/// kKeys keys or values that `tile` finds to shared memory, those of `type` BF16 as they are, of
/// types that binary16 holds in it. By kThreads threads.
template <int kWidth, int kKeys, int kThreads, class Tile>
__device__ inline void begin_kv_tile(KvType type, const Tile& tile, std::uint16_t* to) {
  constexpr unsigned kAll = kKeys * (kWidth / 8);
  if (type == KvType::kF16 || type == KvType::kBf16) {
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < kAll; i += kThreads) tile.begin_copy(i, to);
  } else if (type == KvType::kQ8_0) {
    put_kv_tile<KvType::kQ8_0, kWidth, kKeys, kThreads>(tile, to);
  } else {
    put_kv_tile<KvType::kF8, kWidth, kKeys, kThreads>(tile, to);
  }
}

/// The same of the keys or values [first, first + kKeys), zeros beyond `end`; `first` begins a
/// page.
template <int kWidth, int kKeys, int kThreads>
__device__ inline void load_kv_tile(const AttendTask& task, const std::int32_t* table, int kv_head,
                                    bool keys, std::int32_t first, std::int32_t end,
                                    std::uint16_t* to) {
  const KvTile<kWidth, kKeys> tile(task.kv, table, kv_head, keys, first, end);
  begin_kv_tile<kWidth, kKeys, kThreads>(task.kv.type, tile, to);
}

/// The queries of a tile to shared memory, part by part. The scores' scale goes into them, which
/// keeps their numbers small.
template <TileNumbers kNumbers, int kWidth, int kThreads>
__device__ inline void load_queries(const AttendTask& task, const QueryTile& tile, int kv_head,
                                    std::uint16_t* to) {
  constexpr unsigned kPairs = kWidth / 2;
  constexpr int kParts = factor_parts(kNumbers);
  const int group = task.params.heads / task.params.kv_heads;
  for (unsigned i = threadIdx.x; i < kTileQueries * kPairs; i += kThreads) {
    const int query = tile.query + static_cast<int>(i / kPairs);
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
