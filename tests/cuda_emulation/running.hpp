#pragma once

#include <cstddef>

namespace linnet::emulation {

/// Where the thread that runs stands: what races.cpp needs to know to tell which accesses of others
/// come before its own.
struct Running {
  unsigned grid = 0, block = 0;       ///< numbers of all that ran
  int thread = 0, warp = 0;           ///< in the block
  unsigned barriers = 0;              ///< of the block until now
  unsigned warp_syncs = 0;            ///< of the warp until now
  const std::byte* memory = nullptr;  ///< shared memory whose size the launch gave
  std::size_t bytes = 0;
};

/// False outside kernels.
bool find_running(Running& now);

/// Told of accesses that kernels leave to the emulation, as the copies of cp.async.
void note_access(const void* address, std::size_t bytes, bool writes, const void* where);

}  // namespace linnet::emulation
