#pragma once

#include "backend/cuda/kernels/attend.cuh"
#include "backend/cuda/stream.hpp"

/// Attention of prompts on tensor cores.
namespace linnet::cuda {

/// Whether there is a kernel for the heads and the cache of `task`.
bool has_tiles(const AttendTask& task);
/// Runs it; `tiles` are `count` in device memory.
void attend_in_tiles(Stream& stream, const AttendTask& task, const QueryTile* tiles,
                     std::int64_t count);

}  // namespace linnet::cuda
