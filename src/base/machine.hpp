#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace linnet {

/// Threads that this process may really run at once: the CPUs of its affinity mask, at most the
/// cgroup's CPU quota, at most the physical cores. At least 1.
int usable_threads();

/// Bytes of memory that this process may still take: what the kernel calls available, at most what
/// the cgroup's limit and RLIMIT_AS (`ulimit -v`) leave. 0 where none of them can be read, else at
/// least 1.
std::int64_t available_memory_bytes();

/// What the limit of the cgroup (version 2) with this folder leaves, cached files that the kernel
/// can drop counted as free; nothing where there is no limit. May be negative.
std::optional<std::int64_t> cgroup_memory_left_bytes(const std::filesystem::path& folder);

/// The largest resident size that this program has had so far, in bytes; 0: unknown.
std::int64_t peak_memory_bytes();

}  // namespace linnet
