#pragma once

#include "backend/cuda/kernels/chunk_layout.cuh"

namespace linnet::cuda {

/// What a block that prepares a chunk whose keys share their decays has in shared memory.
template <int kWidth>
struct SharedDecayRows {
  using Layout = ChunkLayout<kWidth, false>;
  alignas(16) std::uint16_t chunk[Layout::kNumbers];
  float between[kChunkTokens][kChunkTokens + 4];  ///< D(column, row), 0 where row < column
  TokenTriangles triangles;
  float decays[kChunkTokens];

  __device__ void bring(const ChunkOfHead& from) {
    const int thread = static_cast<int>(threadIdx.x);
    constexpr int kPairs = kWidth / 2;
    for (int i = thread; i < kChunkTokens * kPairs; i += kPrepareThreads) {
      const int token = i / kPairs, key = i % kPairs * 2;
      std::uint16_t* to = chunk + token * Layout::kKeyStride + key;
      put_in_parts(to + Layout::kKeysIn, Layout::kKeyPart, from.key(token, key),
                   from.key(token, key + 1));
      put_in_parts(to + Layout::kQueriesIn, Layout::kKeyPart, from.query(token, key),
                   from.query(token, key + 1));
    }
    if (thread >= kChunkTokens) return;
    triangles.gains[thread] = from.gain(thread);
    decays[thread] = from.decay(thread, 0, false);
  }
  /// A thread a column.
  __device__ void multiply_decays() {
    const int column = static_cast<int>(threadIdx.x);
    if (column >= kChunkTokens) return;
    float run = 0.0f;
    for (int row = 0; row < kChunkTokens; ++row) {
      run = row == column ? 1.0f : run * decays[row];
      between[row][column] = run;
    }
    auto* to = reinterpret_cast<float*>(chunk + Layout::kDecays);
    to[kChunkTokens + column] = run;
    run = 1.0f;
    for (int row = 0; row <= column; ++row) run *= decays[row];
    to[column] = run;
  }
  /// A and P: a warp has 16 tokens of one of them.
  __device__ void meet_keys() {
    const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = threadIdx.x % kWarp;
    const bool are_queries = warp >= kChunkTokens / 16;
    const int first = warp % (kChunkTokens / 16) * 16;
    const std::uint16_t* left =
        chunk + (are_queries ? Layout::kQueriesIn : Layout::kKeysIn) + first * Layout::kKeyStride;
    float large[kChunkTokens / 8][4] = {}, small[kChunkTokens / 8][4] = {};
#pragma unroll
    for (int k = 0; k < kWidth; k += 16) {
      add_products(LeftParts::of_rows(left + k, Layout::kKeyStride, Layout::kKeyPart),
                   RightParts<kChunkTokens / 16>::of_rows(chunk + Layout::kKeysIn + k,
                                                          Layout::kKeyStride, Layout::kKeyPart),
                   0, large, small);
    }
#pragma unroll
    for (int t = 0; t < kChunkTokens / 8; ++t) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = first + lane / 4 + i / 2 * 8, column = t * 8 + lane % 4 * 2 + i % 2;
        const float both = between[row][column] * (large[t][i] + small[t][i]);
        if (are_queries) {
          triangles.outputs[row][column] = both;
        } else {
          triangles.deltas[row][column] = column < row ? triangles.gains[row] * both : 0.0f;
        }
      }
    }
  }
};

/// Makes what scan_chunks takes of each chunk where all keys of a head share their decays:
/// [chunks][heads] of Layout::kNumbers. Grid: (chunks, heads); launch memory: a SharedDecayRows.
template <int kWidth>
__global__ void __launch_bounds__(kPrepareThreads)
    prepare_chunks(const ChunkPiece* pieces, ScanInput in, ScanParams p, std::uint16_t* prepared) {
  wait_for_previous_kernel();
  using Layout = ChunkLayout<kWidth, false>;
  auto& rows = *reinterpret_cast<SharedDecayRows<kWidth>*>(launch_memory());
  const int head = static_cast<int>(blockIdx.y), thread = static_cast<int>(threadIdx.x);
  const ChunkOfHead chunk(pieces, static_cast<int>(blockIdx.x), head, in, p);
  rows.bring(chunk);
  sync_block();
  rows.multiply_decays();
  sync_block();
  rows.meet_keys();
  sync_block();
  if (thread < kWarp) rows.triangles.invert();
  sync_block();
  rows.triangles.template put<Layout>(rows.chunk);
  sync_block();
  auto* to = reinterpret_cast<uint4*>(prepared + (std::int64_t{blockIdx.x} * p.heads + head) *
                                                     Layout::kNumbers);
  const auto* from = reinterpret_cast<const uint4*>(rows.chunk);
  for (int i = thread; i < Layout::kBytes / 16; i += kPrepareThreads) to[i] = from[i];
}

/// What a block that prepares a chunk whose keys have their own decays has in shared memory. Rows
/// of keys lie 16 banks apart, so that two of them are read at once.
template <int kWidth>
struct OwnDecayRows {
  using Layout = ChunkLayout<kWidth, true>;
  float keys[kChunkTokens][kWidth + 16];
  float decays[kChunkTokens][kWidth + 16];
  TokenTriangles triangles;

  __device__ void bring(const ChunkOfHead& from) {
    const int thread = static_cast<int>(threadIdx.x);
    for (int i = thread; i < kChunkTokens * kWidth; i += kPrepareThreads) {
      const int token = i / kWidth, key = i % kWidth;
      keys[token][key] = from.key(token, key);
      decays[token][key] = from.decay(token, key, true);
    }
    if (thread < kChunkTokens) triangles.gains[thread] = from.gain(thread);
  }
  /// Keys and queries with the decays before them, and keys with those behind them: a thread walks
  /// along two keys, from one end or from the other.
  __device__ void put_keys(const ChunkOfHead& from, std::uint16_t* chunk) const {
    const int key = static_cast<int>(threadIdx.x) % (kWidth / 2) * 2;
    const int way = static_cast<int>(threadIdx.x) / (kWidth / 2);
    float first = 1.0f, second = 1.0f;
    for (int step = 0; way == 0 && step < kChunkTokens; ++step) {
      std::uint16_t* to = chunk + step * Layout::kKeyStride + key;
      first *= decays[step][key];
      second *= decays[step][key + 1];
      put_in_parts(to + Layout::kKeysIn, Layout::kKeyPart, first * keys[step][key],
                   second * keys[step][key + 1]);
      put_in_parts(to + Layout::kQueriesIn, Layout::kKeyPart, first * from.query(step, key),
                   second * from.query(step, key + 1));
    }
    if (way != 1) return;
    for (int step = kChunkTokens - 1; step >= 0; --step) {
      std::uint16_t* to = chunk + step * Layout::kKeyStride + key;
      put_in_parts(to + Layout::kKeysOut, Layout::kKeyPart, first * keys[step][key],
                   second * keys[step][key + 1]);
      first *= decays[step][key];
      second *= decays[step][key + 1];
    }
    auto* all = reinterpret_cast<float*>(chunk + Layout::kDecays);
    all[key] = first;
    all[key + 1] = second;
  }
  /// A and P: four lanes have a token's key and query, a quarter of the columns each, and go back
  /// through the tokens before it; the decays on the way make products of matrices of no use.
  __device__ void meet_keys(const ChunkOfHead& from) {
    constexpr int kQuads = kWidth / 16;
    const int token = static_cast<int>(threadIdx.x) / 4, lane = threadIdx.x % 4;
    float key[4 * kQuads], query[4 * kQuads];
#pragma unroll
    for (int i = 0; i < 4 * kQuads; ++i) {
      const int column = (i / 4 * 4 + lane) * 4 + i % 4;
      key[i] = keys[token][column];
      query[i] = from.query(token, column);
    }
    const int last_of_warp = token / 8 * 8 + 7;  // lanes exchange, so all of them go so far
    for (int back = 0; back <= last_of_warp; ++back) {
      const int other = token - back, at = other < 0 ? 0 : other;
      float known = 0.0f, seen = 0.0f;
#pragma unroll
      for (int quad = 0; quad < kQuads; ++quad) {
        const int column = (quad * 4 + lane) * 4;
        const float4 four = *reinterpret_cast<const float4*>(&keys[at][column]);
        const float with[4] = {four.x, four.y, four.z, four.w};
        if (back > 0) {
          const float4 left = *reinterpret_cast<const float4*>(&decays[at + 1][column]);
          const float factors[4] = {left.x, left.y, left.z, left.w};
#pragma unroll
          for (int c = 0; c < 4; ++c) {
            key[4 * quad + c] *= factors[c];
            query[4 * quad + c] *= factors[c];
          }
        }
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          known += key[4 * quad + c] * with[c];
          seen += query[4 * quad + c] * with[c];
        }
      }
      known += exchange(known, 1);
      seen += exchange(seen, 1);
      known += exchange(known, 2);
      seen += exchange(seen, 2);
      if (lane > 0 || other < 0) continue;
      triangles.outputs[token][other] = seen;
      triangles.deltas[token][other] = back == 0 ? 0.0f : triangles.gains[token] * known;
    }
    for (int later = token + 1 + lane; later < kChunkTokens; later += 4) {
      triangles.outputs[token][later] = triangles.deltas[token][later] = 0.0f;
    }
  }
};

/// The same where each key has its own decays; launch memory: an OwnDecayRows.
template <int kWidth>
__global__ void __launch_bounds__(kPrepareThreads)
    prepare_decayed_chunks(const ChunkPiece* pieces, ScanInput in, ScanParams p,
                           std::uint16_t* prepared) {
  wait_for_previous_kernel();
  using Layout = ChunkLayout<kWidth, true>;
  auto& rows = *reinterpret_cast<OwnDecayRows<kWidth>*>(launch_memory());
  const int head = static_cast<int>(blockIdx.y);
  const ChunkOfHead chunk(pieces, static_cast<int>(blockIdx.x), head, in, p);
  std::uint16_t* to = prepared + (std::int64_t{blockIdx.x} * p.heads + head) * Layout::kNumbers;
  rows.bring(chunk);
  sync_block();
  rows.put_keys(chunk, to);
  rows.meet_keys(chunk);
  sync_block();
  if (threadIdx.x < kWarp) rows.triangles.invert();
  sync_block();
  rows.triangles.template put<Layout>(to);
}

}  // namespace linnet::cuda
