#pragma once

#include "backend/cuda/chunk_plan.hpp"
#include "backend/cuda/kernels/device_runs.cuh"
#include "backend/cuda/stream.hpp"

/// Prompts of delta nets on tensor cores.
namespace linnet::cuda {

/// Whether there is a kernel for such a scan that fits the device.
bool has_chunks(const Stream& stream, const ScanInput& in, const ScanParams& params);
/// Memory that `chunks` prepared chunks of all heads take.
std::int64_t prepared_bytes(const ScanInput& in, const ScanParams& params, int chunks);
/// Takes the states through what `launch` names of `pieces`, in device memory, with `prepared` for
/// its chunks.
void scan_in_chunks(Stream& stream, const ChunkPiece* pieces, const ChunkLaunch& launch,
                    std::uint16_t* prepared, const DeviceState& states, const ScanInput& in,
                    const ScanParams& params, View out);

}  // namespace linnet::cuda
