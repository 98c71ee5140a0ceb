#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/host_state_store.hpp"

/// How the prompts of delta nets are cut into chunks; see kernels/chunk_layout.cuh. For the device,
/// and for the host to test.
namespace linnet::cuda {

/// Tokens of a chunk.
inline constexpr int kChunkTokens = 32;
/// Tokens of a run from which it goes in chunks: fewer are scanned one by one.
inline constexpr int kChunkedRows = 32;
/// Chunks that are prepared at once: with 32 heads of 128 keys 32 MB, which an L2 cache holds.
inline constexpr int kChunksAtOnce = 16;

/// Rows [first, last) of a sequence, the slot of its state, and where its chunks were prepared.
struct ChunkPiece {
  std::int32_t first, last, slot;
  std::int32_t first_chunk;
};

/// The pieces [first, first + pieces) of a plan, which go at once, and the chunks of all of them.
struct ChunkLaunch {
  std::size_t first, pieces;
  int chunks;
};

/// What becomes of the runs of a batch.
struct ChunkPlan {
  std::vector<std::int32_t> pieces;   ///< ChunkPieces, as they are sent
  std::vector<ChunkLaunch> launches;  ///< each behind the one before it
  std::vector<std::int32_t> rest;     ///< first, last and slot of runs that are scanned

  void make(std::span<const SequenceRun> runs) {
    pieces.clear();
    launches.clear();
    rest.clear();
    for (const SequenceRun& run : runs) {
      if (run.last - run.first < kChunkedRows) {
        rest.insert(rest.end(), {static_cast<std::int32_t>(run.first),
                                 static_cast<std::int32_t>(run.last), run.slot});
        continue;
      }
      for (std::int64_t first = run.first; first < run.last;) first = add_piece(run, first);
    }
  }

 private:
  // As much of `run` as the launch has room for, in whole chunks; gives where that ends.
  std::int64_t add_piece(const SequenceRun& run, std::int64_t first) {
    if (launches.empty() || launches.back().chunks == kChunksAtOnce) {
      launches.push_back({pieces.size() / 4, 0, 0});
    }
    ChunkLaunch& launch = launches.back();
    const std::int64_t room = kChunksAtOnce - launch.chunks;
    const std::int64_t last = std::min(run.last, first + room * kChunkTokens);
    pieces.insert(pieces.end(), {static_cast<std::int32_t>(first), static_cast<std::int32_t>(last),
                                 run.slot, launch.chunks});
    launch.chunks += static_cast<int>((last - first + kChunkTokens - 1) / kChunkTokens);
    ++launch.pieces;
    return last;
  }
};

}  // namespace linnet::cuda
