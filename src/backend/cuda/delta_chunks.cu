#include <algorithm>
#include <iterator>

#include "backend/cuda/delta_chunks.hpp"
#include "backend/cuda/kernels/prepare_chunks.cuh"
#include "backend/cuda/kernels/scan_chunks.cuh"

namespace linnet::cuda {
namespace {

// The kernels for keys of up to `width` columns, and what they take of memory.
struct ChunkKernels {
  int width;
  decltype(&prepare_chunks<64>) prepare;
  std::size_t prepare_bytes;
  decltype(&scan_chunks<64, false>) scan;
  std::size_t scan_bytes;
  std::int64_t chunk_bytes;
};

template <int kWidth>
constexpr ChunkKernels kernels_of_heads() {
  return {kWidth,
          prepare_chunks<kWidth>,
          sizeof(SharedDecayRows<kWidth>),
          scan_chunks<kWidth, false>,
          chunk_scan_bytes<kWidth, false>(),
          ChunkLayout<kWidth, false>::kBytes};
}
template <int kWidth>
constexpr ChunkKernels kernels_of_keys() {
  return {kWidth,
          prepare_decayed_chunks<kWidth>,
          sizeof(OwnDecayRows<kWidth>),
          scan_chunks<kWidth, true>,
          chunk_scan_bytes<kWidth, true>(),
          ChunkLayout<kWidth, true>::kBytes};
}

// By whether each key has its own decays.
constexpr ChunkKernels kChunkKernels[2][2] = {{kernels_of_heads<64>(), kernels_of_heads<128>()},
                                              {kernels_of_keys<64>(), kernels_of_keys<128>()}};

const ChunkKernels* find_chunks(const ScanInput& in, const ScanParams& params) {
  const auto& all = kChunkKernels[in.decay.columns != params.heads ? 1 : 0];
  const auto found = std::ranges::find_if(
      all, [&](const ChunkKernels& kernels) { return kernels.width >= params.key_width; });
  return found == std::end(all) ? nullptr : found;
}

}  // namespace

bool has_chunks(const Stream& stream, const ScanInput& in, const ScanParams& params) {
  if (params.rule != ScanRule::kDelta) return false;
  const ChunkKernels* kernels = find_chunks(in, params);
  return kernels &&
         std::max(kernels->prepare_bytes, kernels->scan_bytes) <= stream.most_shared_bytes();
}

std::int64_t prepared_bytes(const ScanInput& in, const ScanParams& params, int chunks) {
  const ChunkKernels* kernels = find_chunks(in, params);
  return kernels ? kernels->chunk_bytes * chunks * params.heads : 0;
}

void scan_in_chunks(Stream& stream, const ChunkPiece* pieces, const ChunkLaunch& launch,
                    std::uint16_t* prepared, const DeviceState& states, const ScanInput& in,
                    const ScanParams& params, View out) {
  const ChunkKernels* kernels = find_chunks(in, params);
  if (!kernels) return;
  pieces += launch.first;
  const auto heads = static_cast<unsigned>(params.heads);
  const auto slabs =
      static_cast<unsigned>((params.value_width + kChunkColumns - 1) / kChunkColumns);
  stream.allow_shared_bytes(kernels->prepare, kernels->prepare_bytes);
  stream.launch(kernels->prepare, dim3(static_cast<unsigned>(launch.chunks), heads),
                dim3(kPrepareThreads), kernels->prepare_bytes, pieces, in, params, prepared);
  stream.allow_shared_bytes(kernels->scan, kernels->scan_bytes);
  stream.launch(kernels->scan, dim3(heads * slabs, static_cast<unsigned>(launch.pieces)),
                dim3(kChunkThreads), kernels->scan_bytes, pieces, prepared, states, in, params,
                out);
}

}  // namespace linnet::cuda
