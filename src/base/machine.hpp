#pragma once

#include <cstdint>

namespace linnet {

/// Threads that this process may really run at once: the CPUs of its affinity mask, at most the
/// cgroup's CPU quota, at most the physical cores. At least 1.
int usable_threads();

/// Bytes of memory that this process may still take: what the kernel calls available, at most what
/// the cgroup's limit leaves. 0 where neither can be read.
std::int64_t available_memory_bytes();

/// The largest resident size that this process has had so far, in bytes.
std::int64_t peak_memory_bytes();

}  // namespace linnet
