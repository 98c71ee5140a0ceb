#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "backend/cuda/device.cuh"
#include "backend/cuda/weights_view.hpp"

/// What the products' kernels and those who launch them share.
namespace linnet::cuda {

/// Inputs in 16 bits, a scale for each block of 32: input = scale * (256 * high + low). Eight bits,
/// as CPU backends take them, would do for text, but not to agree with a CPU to 1e-5, and a dot
/// product of bytes costs little while weights are being read.
struct QuantisedRows {
  std::uint32_t* codes = nullptr;  ///< [rows][blocks][16]: 32 high bytes, 32 low bytes, all signed
  float* scales = nullptr;         ///< [rows][blocks]
  std::int32_t* sums = nullptr;    ///< [rows][blocks][2]: of 256 * high + low of 16 inputs
  std::int64_t blocks = 0;
};

/// Inputs that a warpgroup takes at a time: a block for each of the four lanes that share a row of
/// a fragment, so that a lane reads whole blocks and their scales, and no other lane reads the
/// same.
inline constexpr int kFragmentInputs = 4 * kBlock;

/// Which of kFragmentInputs inputs stands at `place` of a row in binary16 for fragments: of the 16
/// inputs that step s multiplies, lane l % 4 = q holds the places 2 q, 2 q + 1, 2 q + 8 and 2 q +
/// 9, and puts the codes 4 s, 4 s + 2, 4 s + 1 and 4 s + 3 of its block there: the bytes of a word
/// that a mask leaves two and two.
constexpr int fragment_input(int place) {
  const int step = place / 16, lane = place % 8 / 2, code = place % 2 * 2 + place % 16 / 8;
  return lane * kBlock + 4 * step + code;
}

/// Inputs in binary16, each row times a power of two that keeps its largest below the overflow.
struct HalfRows {
  std::uint16_t* values = nullptr;  ///< [rows][columns], columns padded with zeros
  float* inverses = nullptr;        ///< [rows]: what undoes the power of two
  std::int64_t columns = 0;         ///< a multiple of kTileInputs, or of kFragmentInputs
  bool for_fragments = false;       ///< in the order of fragment_input()
};

/// What an operation makes of the rows that it writes for a product that is likely to follow:
/// without memory where that is no use.
struct ReadyRows {
  QuantisedRows quantised;
  HalfRows halves;
};

/// What becomes of a product; see MatmulOutput and Backend::expert_matmul.
struct Epilogue {
  float* out = nullptr;
  std::int64_t stride = 0;
  std::int64_t columns = 0;             ///< outputs of a slice
  const float* bias = nullptr;          ///< [slices][columns] or null
  const float* slice_scales = nullptr;  ///< [slices] or null
  float scale = 1.0f;
  bool accumulate = false;

  /// What of it is read for an output.
  struct Terms {
    float slice_scale, bias;
  };
  __device__ Terms terms(std::int64_t column, std::int32_t slice) const {
    // Minus zero: added, it changes no number.
    return {slice_scales ? slice_scales[slice] : 1.0f,
            bias ? bias[slice * columns + column] : -0.0f};
  }
  /// Each step rounds, whatever kernel it is compiled into.
  __device__ float value(const Terms& terms, float product) const {
    return add_alone(multiply_alone(multiply_alone(product, scale), terms.slice_scale), terms.bias);
  }
  __device__ void put(std::int64_t row, std::int64_t column, const Terms& terms,
                      float product) const {
    const float value = this->value(terms, product);
    float* to = out + row * stride + column;
    *to = accumulate ? add_alone(*to, value) : value;
  }
};

/// Which slice each row of a batch takes: of expert picks, `experts[pick]`; null: slice 0.
struct SliceChoice {
  const std::int32_t* experts = nullptr;
  int used = 1;             ///< picks of a row
  bool row_a_pick = false;  ///< the input has a row for each pick
};

/// Rows that a product without tensor cores takes; and of integer codes where `wgmma` is the other
/// way, which takes half the instructions of four rows, but more kernels.
inline constexpr int kFewRows = 4, kFewRowsBesideWarpgroups = 2;
/// Outputs of a warp, and warps of a thread block, in products of few rows.
inline constexpr int kFewOutputs = 2;
inline constexpr int kFewWarps = 4;
inline constexpr int kFewTileOutputs = kFewOutputs * kFewWarps;
/// Warps of a thread block of a gated product of few rows, and the outputs that each takes one
/// after the other: together a block of the inputs of the product that follows.
inline constexpr int kGatedWarps = 8;
inline constexpr int kGatedTurns = kBlock / kGatedWarps;
/// Bytes of each row of a weight that a kernel asks for before the kernels in front of it are done.
inline constexpr std::int64_t kEarlyBytes = 2048;

/// A weight and what becomes of its product.
struct Product {
  WeightsView w;
  Epilogue epilogue;
};

/// Weights of one layout that a launch multiplies the same rows with: the thread blocks
/// [firsts[i], firsts[i + 1]) of the grid's x take products[i].
struct Products {
  static constexpr int kMost = 4;
  Product products[kMost];
  unsigned firsts[kMost + 1] = {};
  int count = 0;

  __device__ int of_block(unsigned block) const {
    int own = 0;
    while (own + 1 < count && block >= firsts[own + 1]) ++own;
    return own;
  }
};

/// A thread block computes kTileOutputs outputs of kRows rows, kTileInputs inputs at a time: eight
/// warps unpack the weights of one step into shared memory as binary16 while the tensor cores take
/// those of the step before.
inline constexpr int kTileOutputs = 128;
inline constexpr int kTileInputs = 64;
inline constexpr int kTileThreads = 256;
/// Halves of a row in shared memory: 16 bytes more than the inputs, so that the eight rows of a
/// tile lie in different banks.
inline constexpr int kTileStride = kTileInputs + 8;

/// Rows of tiles of multiply_warpgroups.
inline constexpr std::array kWarpgroupTiles = {32, 64, 128, 256};

constexpr std::size_t tile_memory_bytes(int rows) {
  return std::size_t{2} * (kTileOutputs + rows) * kTileStride * sizeof(std::uint16_t);
}

/// Rows that go through the same slice together: tile t is the `counts[t]` rows from `firsts[t]`
/// on of the lists, through slice `slices[t]`. Null lists: one slice, rows in their order.
struct RowTiles {
  const std::int32_t* slices = nullptr;
  const std::int32_t* firsts = nullptr;
  const std::int32_t* counts = nullptr;
  const std::int32_t* in_rows = nullptr;
  const std::int32_t* out_rows = nullptr;
};

/// The picks of a routing sorted by expert and cut into tiles of at most `tile_rows`. Tiles beyond
/// the last are empty.
struct PickLists {
  std::int32_t* picks = nullptr;   ///< [picks]
  std::int32_t* rows = nullptr;    ///< [picks]: the routing's row of each
  std::int32_t* slices = nullptr;  ///< [tiles]
  std::int32_t* firsts = nullptr;  ///< [tiles]
  std::int32_t* counts = nullptr;  ///< [tiles]
  int tiles = 0;
};

/// Where the sums of a part of the inputs go when several thread blocks share an output: as they
/// lie in fragments, four of a lane.
struct Partial {
  float4* sums = nullptr;  ///< [splits][rows / 8][tiles of outputs][kTileThreads]; null: one block
                           ///< has all inputs
  std::int64_t rows = 0;
  std::int64_t steps_a_split = 0;

  /// Those of this thread block at `row` of a split, and of the thread that has `place` there.
  __device__ float4* at(unsigned split, std::int64_t row, unsigned place) const {
    const unsigned groups = static_cast<unsigned>(rows + 7) / 8;
    const unsigned group = split * groups + static_cast<unsigned>(row) / 8;
    return sums + (std::uint64_t{group} * gridDim.x + blockIdx.x) * kTileThreads + place;
  }
};

/// Outputs and rows of a thread block of multiply_plain, of which each thread has four times four.
inline constexpr int kPlainOutputs = 64, kPlainRows = 32;
inline constexpr int kPlainThreads = kPlainOutputs * kPlainRows / 16;

}  // namespace linnet::cuda
