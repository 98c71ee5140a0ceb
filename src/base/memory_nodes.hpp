#pragma once

#include <cstdint>
#include <string_view>

namespace linnet {

/// Bit n is node n of a list as the kernel writes it: "0", "0-1", "0,2-3". Nodes beyond 63 and what
/// is no list are left out.
std::uint64_t parse_memory_nodes(std::string_view list);

/// Lets the pages of memory that nobody has touched yet come from all memory nodes (NUMA) of the
/// machine in turn, so that threads on any of them read it with the bandwidth of all. Does nothing
/// on a machine with one node, nor if the process has a memory policy of its own (numactl).
void spread_over_memory_nodes(void* memory, std::int64_t size_bytes);

}  // namespace linnet
