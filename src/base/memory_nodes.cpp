#include "base/memory_nodes.hpp"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <charconv>
#include <fstream>
#include <string>

namespace linnet {
namespace {

constexpr unsigned long kMostNodes = 64;

// "3" or "0-3"; 0 if it is neither.
std::uint64_t parse_range(std::string_view range) {
  unsigned first = 0;
  const char* end = range.data() + range.size();
  auto parsed = std::from_chars(range.data(), end, first);
  if (parsed.ec != std::errc()) return 0;
  unsigned last = first;
  if (parsed.ptr != end && *parsed.ptr == '-') {
    parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc()) return 0;
  }
  std::uint64_t nodes = 0;
  for (unsigned node = first; node <= last && node < kMostNodes; ++node) {
    nodes |= std::uint64_t{1} << node;
  }
  return nodes;
}

std::uint64_t nodes_with_memory() {
  std::ifstream file("/sys/devices/system/node/has_memory");
  std::string list;
  std::getline(file, list);
  return parse_memory_nodes(list);
}

bool has_own_policy() {
  int policy = MPOL_DEFAULT;
  const long failed = syscall(SYS_get_mempolicy, &policy, nullptr, 0, nullptr, 0);
  return failed == 0 && policy != MPOL_DEFAULT;
}

}  // namespace

std::uint64_t parse_memory_nodes(std::string_view list) {
  std::uint64_t nodes = 0;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    nodes |= parse_range(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return nodes;
}

void spread_over_memory_nodes(void* memory, std::int64_t size_bytes) {
  static const std::uint64_t nodes = has_own_policy() ? 0 : nodes_with_memory();
  if (std::popcount(nodes) < 2) return;
  // Nodes that the process may not use are left out by the kernel; a refusal costs speed only.
  syscall(SYS_mbind, memory, static_cast<unsigned long>(size_bytes), MPOL_INTERLEAVE, &nodes,
          kMostNodes + 1, 0);
}

}  // namespace linnet
