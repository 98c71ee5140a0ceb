#pragma once

#include "backend/cuda/chunk_plan.hpp"
#include "backend/cuda/kernels/bfloat_products.cuh"
#include "backend/cuda/kernels/device_runs.cuh"

/// Gated delta nets in chunks (https://arxiv.org/abs/2412.06464, https://arxiv.org/abs/2510.26692).
/// S is the state before a chunk [keys][values], D(j, i) what decays leave from behind token j up
/// to token i, of each key; token 0 is the one before the chunk, `end` its last one. What the
/// tokens add to the state, and the rest, is then
///     deltas = T (values - keys_in S)         T = (1 + A)^-1 diag(gain)
///     out = queries_in S + P deltas           A[i][j < i] = gain_i sum k_i D(j, i) k_j
///     S = D(0, end) S + keys_out^T deltas     P[i][j <= i] = scale sum q_i D(j, i) k_j
/// with keys_in[i] = D(0, i) k_i, queries_in[i] = scale D(0, i) q_i, keys_out[j] = D(j, end) k_j.
/// Where all keys share a decay, it is a factor of rows: then keys_in and keys_out are the keys,
/// queries_in the scaled queries, and what they give is multiplied. Decays are multiplied and never
/// divided, so none that is 0 does harm.
///
/// What knows nothing of S or of values is made of many chunks at once (prepare_chunks.cuh);
/// scan_chunks.cuh takes the state through them.
namespace linnet::cuda {

/// How a prepared chunk of a head lies in device and shared memory, in 16-bit numbers. Matrices are
/// in two parts (see bfloat_products.cuh), rows 16 bytes longer than their columns, so that the
/// eight rows of a tile lie in different banks.
template <int kWidth, bool kOwnDecays>
struct ChunkLayout {
  static constexpr int kKeyStride = kWidth + 8, kTokenStride = kChunkTokens + 8;
  static constexpr int kKeyPart = kChunkTokens * kKeyStride;
  static constexpr int kTokenPart = kChunkTokens * kTokenStride;
  static constexpr int kKeysIn = 0, kQueriesIn = 2 * kKeyPart;
  static constexpr int kKeysOut = kOwnDecays ? 4 * kKeyPart : kKeysIn;
  static constexpr int kDeltas = (kOwnDecays ? 6 : 4) * kKeyPart;  ///< T
  static constexpr int kOutputs = kDeltas + 2 * kTokenPart;        ///< P
  /// In float32: with own decays D(0, end) of each key, else D(0, i) and D(i, end) of each token.
  static constexpr int kDecays = kOutputs + 2 * kTokenPart;
  static constexpr int kDecayCount = kOwnDecays ? kWidth : 2 * kChunkTokens;
  static constexpr int kNumbers = kDecays + 2 * kDecayCount;
  static constexpr int kBytes = 2 * kNumbers;
  static_assert(kBytes % 16 == 0);
};

/// Threads of a block that prepares a chunk: four for a token.
inline constexpr int kPrepareThreads = 4 * kChunkTokens;

/// The tokens of a chunk, and the head of which they are.
struct ChunkOfHead {
  const ScanInput& in;
  const ScanParams& params;
  int head, key_head;
  std::int64_t first;  ///< row
  int count;

  /// The chunk `place` of the pieces.
  __device__ ChunkOfHead(const ChunkPiece* pieces, int place, int head_of, const ScanInput& input,
                         const ScanParams& p)
      : in(input), params(p), head(head_of) {
    key_head = p.sharing == KeySharing::kCyclic ? head % p.key_heads : head * p.key_heads / p.heads;
    const auto chunks = [&] { return (pieces->last - pieces->first - 1) / kChunkTokens + 1; };
    for (; place >= chunks(); ++pieces) place -= chunks();
    first = pieces->first + place * kChunkTokens;
    const auto left = static_cast<int>(pieces->last - first);
    count = left < kChunkTokens ? left : kChunkTokens;
  }

  /// 0 beyond the tokens and the keys.
  __device__ float key_of(const View& rows, int token, int key) const {
    if (token >= count || key >= params.key_width) return 0.0f;
    return rows.data[(first + token) * rows.stride + key_head * params.key_width + key];
  }
  __device__ float key(int token, int key) const { return key_of(in.key, token, key); }
  __device__ float query(int token, int key) const {
    return params.scale * key_of(in.query, token, key);
  }
  /// 1 there, which leaves all as it is. Of a key, or where all of them share it of column 0.
  __device__ float decay(int token, int column, bool is_own) const {
    if (token >= count || column >= params.key_width) return 1.0f;
    const int first_column = is_own ? head * params.key_width : head;
    return in.decay.data[(first + token) * in.decay.stride + first_column + column];
  }
  __device__ float gain(int token) const {
    if (token >= count) return 0.0f;
    return in.gain.data ? in.gain.data[(first + token) * in.gain.stride + head] : 1.0f;
  }
};

/// What tokens of a chunk are to those before them, in shared memory.
struct TokenTriangles {
  float deltas[kChunkTokens][kChunkTokens + 4];   ///< A, then T
  float outputs[kChunkTokens][kChunkTokens + 4];  ///< P
  float gains[kChunkTokens];

  /// A becomes T, by one warp: a lane has a column.
  __device__ void invert() {
    static_assert(kChunkTokens == kWarp);
    const int column = static_cast<int>(threadIdx.x) % kWarp;
    float inverse[kChunkTokens];
#pragma unroll
    for (int row = 0; row < kChunkTokens; ++row) {
      float sum = row == column ? 1.0f : 0.0f;
#pragma unroll
      for (int quad = 0; 4 * quad < row; ++quad) {
        const float4 four = *reinterpret_cast<const float4*>(&deltas[row][4 * quad]);
        const float with[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          if (4 * quad + c < row) sum -= with[c] * inverse[4 * quad + c];
        }
      }
      inverse[row] = sum;
    }
    sync_warp();  // all have read A
#pragma unroll
    for (int row = 0; row < kChunkTokens; ++row) {
      deltas[row][column] = inverse[row] * gains[column];
    }
  }
  /// T and P to a prepared chunk.
  template <class Layout>
  __device__ void put(std::uint16_t* chunk) const {
    constexpr int kPairs = kChunkTokens / 2;
    for (int i = static_cast<int>(threadIdx.x); i < kChunkTokens * kPairs; i += kPrepareThreads) {
      const int row = i / kPairs, column = i % kPairs * 2;
      std::uint16_t* to = chunk + row * Layout::kTokenStride + column;
      put_in_parts(to + Layout::kDeltas, Layout::kTokenPart, deltas[row][column],
                   deltas[row][column + 1]);
      put_in_parts(to + Layout::kOutputs, Layout::kTokenPart, outputs[row][column],
                   outputs[row][column + 1]);
    }
  }
};

}  // namespace linnet::cuda
