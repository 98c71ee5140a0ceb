#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet {

/// Threads that this process may really run at once: the CPUs of its affinity mask, at most the
/// cgroup's CPU quota, at most the physical cores. At least 1.
int usable_threads();

/// Bytes of memory that this process may still take: what the kernel calls available, at most what
/// the cgroup's limit and RLIMIT_AS (`ulimit -v`) leave. 0 if none of them can be read, else at
/// least 1.
std::int64_t available_memory_bytes();

/// An Error if the process may not take `bytes` more: "`what` take N MiB of memory, but M are
/// free".
Status check_free_memory(std::int64_t bytes, std::string_view what);

/// The folders below `root` in which the limits of a process may stand, from its own up to the
/// outermost: of version 2, and of version 1 for `controller` ("cpu", "memory"). `memberships` is
/// what /proc/PID/cgroup holds. Inside a container it may name a folder that is not there, because
/// the container sees its own as the outermost.
std::vector<std::filesystem::path> cgroup_folders(std::string_view memberships,
                                                  std::string_view controller,
                                                  const std::filesystem::path& root);

/// What the limit of the cgroup (of either version) with this folder leaves, cached files that the
/// kernel can drop counted as free; nothing if there is no limit. May be negative.
std::optional<std::int64_t> cgroup_memory_left_bytes(const std::filesystem::path& folder);

/// The CPUs' worth of time that the cgroup (of either version) with this folder allows; nothing if
/// there is no limit.
std::optional<double> cgroup_cpus(const std::filesystem::path& folder);

/// The largest resident size that this program has had so far, in bytes; 0: unknown.
std::int64_t peak_memory_bytes();

/// Gives freed memory back to the system. The allocator keeps much of it if some pieces are still
/// in use. Takes some 10 ms for hundreds of MiB.
void give_memory_back();

/// The memory that this program holds now besides what the kernel can read again from files; 0:
/// unknown.
std::int64_t own_memory_bytes();

}  // namespace linnet
