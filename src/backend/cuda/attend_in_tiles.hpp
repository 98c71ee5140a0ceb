#pragma once

#include "backend/cuda/kernels/attend.cuh"
#include "backend/cuda/stream.hpp"

/// Attention on tensor cores: of prompts, and to latents.
namespace linnet::cuda {

/// Whether there is a kernel for the heads and the cache of `task` that fits the device.
bool has_tiles(const Stream& stream, const AttendTask& task);
/// Runs it; `tiles` are `count` in device memory.
void attend_in_tiles(Stream& stream, const AttendTask& task, const QueryTile* tiles,
                     std::int64_t count);

/// The same where the values are in the keys, for single rows, too: see attend_latents.
bool has_latents(const Stream& stream, const AttendTask& task);
void attend_to_latents(Stream& stream, const AttendTask& task, const QueryTile* tiles,
                       std::int64_t count);

}  // namespace linnet::cuda
