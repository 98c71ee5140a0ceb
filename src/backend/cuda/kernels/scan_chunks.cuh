#pragma once

#include "backend/cuda/kernels/chunk_layout.cuh"

namespace linnet::cuda {

/// Warps of a block that takes a state through chunks, 16 columns of the values each.
inline constexpr int kChunkWarps = 2;
inline constexpr int kChunkThreads = kChunkWarps * kWarp;
inline constexpr int kChunkColumns = kChunkWarps * 16;

/// Of two chunks: one is brought while the other one is used.
template <int kWidth, bool kOwnDecays>
constexpr std::size_t chunk_scan_bytes() {
  return 2 * ChunkLayout<kWidth, kOwnDecays>::kBytes;
}

/// Sums of 16 columns of values by the tokens of a chunk.
struct TokenSums {
  static constexpr int kTiles = kChunkTokens / 8;
  float large[kTiles][4] = {}, small[kTiles][4] = {};

  __device__ float value(int tile, int i) const { return large[tile][i] + small[tile][i]; }
  /// Adds `factor`, of the tokens 16 * step to 16 * step + 15, times those rows of `matrix`'s
  /// transpose, which are 0 in front of the diagonal: whose tokens come before those of the factor.
  template <class Layout>
  __device__ void add_triangle(const LeftParts& factor, const std::uint16_t* matrix, int step) {
#pragma unroll
    for (int pair = step; pair < kTiles / 2; ++pair) {
      const auto right =
          RightParts<1>::of_rows(matrix + pair * 16 * Layout::kTokenStride + step * 16,
                                 Layout::kTokenStride, Layout::kTokenPart);
      add_products(factor, right, 2 * pair, large, small);
    }
  }
};

/// 16 columns of values of a head, which a warp takes, and what a lane has of them in fragments:
/// sum i of a tile is that of column value(i), and of the token, or key, other(tile, i).
struct ValueColumns {
  int head, first;  ///< the first column
  int values;       ///< of the head

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  __device__ int value(int i) const { return first + lane() / 4 + i / 2 * 8; }
  __device__ static int other(int tile, int i) { return tile * 8 + lane() % 4 * 2 + i % 2; }
  __device__ bool is_inside(int i) const { return value(i) < values; }
};

/// The state of 16 columns of values, transposed: [16][kWidth].
template <int kWidth, bool kOwnDecays>
struct ColumnStates {
  using Layout = ChunkLayout<kWidth, kOwnDecays>;
  static constexpr int kTiles = kWidth / 8;
  float tiles[kTiles][4];

  __device__ void read(const float* state, const ValueColumns& own, int keys) {
    visit(own, keys, [&](float& number, std::int64_t place, bool is_there) {
      number = is_there ? state[place] : 0.0f;
    });
  }
  __device__ void write(float* state, const ValueColumns& own, int keys) {
    visit(own, keys, [&](float& number, std::int64_t place, bool is_there) {
      if (is_there) state[place] = number;
    });
  }
  template <class Visit>
  __device__ void visit(const ValueColumns& own, int keys, Visit visit) {
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int key = own.other(t, i);
        visit(tiles[t][i], std::int64_t{key} * own.values + own.value(i),
              key < keys && own.is_inside(i));
      }
    }
  }
  /// What keys and queries meet of the state before the chunk.
  __device__ void meet(const std::uint16_t* chunk, TokenSums& known, TokenSums& outputs) const {
#pragma unroll
    for (int k = 0; k < kWidth; k += 16) {
      const LeftParts factor = LeftParts::of_sums(tiles[k / 8], tiles[k / 8 + 1]);
      const auto right = [&](int matrix) {
        return RightParts<kChunkTokens / 16>::of_rows(chunk + matrix + k, Layout::kKeyStride,
                                                      Layout::kKeyPart);
      };
      add_products(factor, right(Layout::kKeysIn), 0, known.large, known.small);
      add_products(factor, right(Layout::kQueriesIn), 0, outputs.large, outputs.small);
    }
  }
  __device__ void decay(const std::uint16_t* chunk) {
    const auto* decays = reinterpret_cast<const float*>(chunk + Layout::kDecays);
#pragma unroll
    for (int t = 0; t < kTiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        tiles[t][i] *= decays[kOwnDecays ? ValueColumns::other(t, i) : kChunkTokens - 1];
      }
    }
  }
  /// Adds what the tokens 16 * step to 16 * step + 15 add.
  __device__ void add(const LeftParts& deltas, const std::uint16_t* chunk, int step) {
    constexpr int kPairs = 4;
#pragma unroll
    for (int t = 0; t < kTiles; t += 2 * kPairs) {
      const auto right = RightParts<kPairs>::of_columns(
          chunk + Layout::kKeysOut + step * 16 * Layout::kKeyStride + t * 8, Layout::kKeyStride,
          Layout::kKeyPart);
      add_products(deltas, right, t, tiles, tiles);
    }
  }
};

/// The rows of a chunk's tokens.
struct ChunkTokens {
  std::int64_t first;
  int count;

  /// Where number i of a tile of 16 columns stands in `rows`, or null where there is none.
  __device__ float* find(const View& rows, const ValueColumns& own, int tile, int i) const {
    const int token = own.other(tile, i);
    if (token >= count || !own.is_inside(i)) return nullptr;
    return rows.data + (first + token) * rows.stride + own.head * own.values + own.value(i);
  }
  /// 0 where there is none.
  __device__ void read(const View& rows, const ValueColumns& own,
                       float (&values)[TokenSums::kTiles][4]) const {
#pragma unroll
    for (int t = 0; t < TokenSums::kTiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* place = find(rows, own, t, i);
        values[t][i] = place ? *place : 0.0f;
      }
    }
  }
  /// With `skip` times the values, which are read again where there is such a thing: few have it.
  __device__ void write(const TokenSums& outputs, const View& values, const float* skip,
                        const ValueColumns& own, const View& rows) const {
#pragma unroll
    for (int t = 0; t < TokenSums::kTiles; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        float* place = find(rows, own, t, i);
        if (!place) continue;
        const float skipped = skip ? skip[own.head] * *find(values, own, t, i) : 0.0f;
        *place = outputs.value(t, i) + skipped;
      }
    }
  }
};

/// Takes the state through a chunk: of `values` to `outputs`.
template <int kWidth, bool kOwnDecays>
__device__ inline void scan_chunk(const std::uint16_t* chunk,
                                  const float (&values)[TokenSums::kTiles][4],
                                  ColumnStates<kWidth, kOwnDecays>& state, TokenSums& outputs) {
  using Layout = ChunkLayout<kWidth, kOwnDecays>;
  constexpr int kTiles = TokenSums::kTiles;
  // Of the tokens, where they are not in the keys: D(0, i), and behind those D(i, end).
  const auto* decays = reinterpret_cast<const float*>(chunk + Layout::kDecays);
  TokenSums known, deltas;
  state.meet(chunk, known, outputs);
  state.decay(chunk);
  float unknown[kTiles][4];
#pragma unroll
  for (int t = 0; t < kTiles; ++t) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float before = kOwnDecays ? 1.0f : decays[ValueColumns::other(t, i)];
      unknown[t][i] = values[t][i] - before * known.value(t, i);
      outputs.large[t][i] *= before;
      outputs.small[t][i] *= before;
    }
  }
#pragma unroll
  for (int step = 0; step < kTiles / 2; ++step) {
    deltas.add_triangle<Layout>(LeftParts::of_sums(unknown[2 * step], unknown[2 * step + 1]),
                                chunk + Layout::kDeltas, step);
  }
#pragma unroll
  for (int step = 0; step < kTiles / 2; ++step) {
    float sums[2][4], left[2][4];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int t = 2 * step + i / 4, token = ValueColumns::other(t, i % 4);
      sums[i / 4][i % 4] = deltas.value(t, i % 4);
      left[i / 4][i % 4] = sums[i / 4][i % 4] * (kOwnDecays ? 1.0f : decays[kChunkTokens + token]);
    }
    state.add(LeftParts::of_sums(left[0], left[1]), chunk, step);
    outputs.add_triangle<Layout>(LeftParts::of_sums(sums[0], sums[1]), chunk + Layout::kOutputs,
                                 step);
  }
}

/// Takes states through prepared chunks, in fragments in registers: a warp has 16 columns of values
/// of a head. Grid: (heads * pieces of kChunkColumns columns, pieces); launch memory:
/// chunk_scan_bytes.
template <int kWidth, bool kOwnDecays>
__global__ void __launch_bounds__(kChunkThreads)
    scan_chunks(const ChunkPiece* pieces, const std::uint16_t* prepared, DeviceState states,
                ScanInput in, ScanParams p, View out) {
  wait_for_previous_kernel();
  using Layout = ChunkLayout<kWidth, kOwnDecays>;
  auto* memory = reinterpret_cast<std::uint16_t*>(launch_memory());
  const ChunkPiece piece = pieces[blockIdx.y];
  const int slabs = (p.value_width + kChunkColumns - 1) / kChunkColumns;
  const int thread = static_cast<int>(threadIdx.x);
  const ValueColumns own{static_cast<int>(blockIdx.x) / slabs,
                         static_cast<int>(blockIdx.x) % slabs * kChunkColumns + thread / kWarp * 16,
                         p.value_width};
  // Chunk `index` of the piece to its half of the memory.
  const auto begin_to_bring = [&](int index) {
    const std::uint16_t* from =
        prepared +
        (std::int64_t{piece.first_chunk + index} * p.heads + own.head) * Layout::kNumbers;
    std::uint16_t* to = memory + index % 2 * Layout::kNumbers;
    for (int i = 8 * thread; i < Layout::kNumbers; i += 8 * kChunkThreads) {
      begin_copy16(to + i, from + i, false);
    }
  };
  begin_to_bring(0);
  float* head_state = states.first + piece.slot * states.slot_floats +
                      std::int64_t{own.head} * p.key_width * p.value_width;
  ColumnStates<kWidth, kOwnDecays> state;
  state.read(head_state, own, p.key_width);
  const int chunks = (piece.last - piece.first + kChunkTokens - 1) / kChunkTokens;
  for (int index = 0; index < chunks; ++index) {
    wait_for_copies();
    sync_block();  // the chunk is there, and the one before was read
    if (index + 1 < chunks) begin_to_bring(index + 1);
    const std::int32_t row = piece.first + index * kChunkTokens, left = piece.last - row;
    const ChunkTokens tokens{row, left < kChunkTokens ? left : kChunkTokens};
    float values[TokenSums::kTiles][4];
    tokens.read(in.value, own, values);
    TokenSums outputs;
    scan_chunk(memory + index % 2 * Layout::kNumbers, values, state, outputs);
    tokens.write(outputs, in.value, p.skip, own, out);
  }
  state.write(head_state, own, p.key_width);
}

}  // namespace linnet::cuda
