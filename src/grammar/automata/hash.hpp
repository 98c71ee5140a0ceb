#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace linnet::grammar {

/// Hash of a list of numbers, for unordered containers.
struct NumbersHash {
  std::size_t operator()(const std::vector<std::uint32_t>& numbers) const {
    std::uint64_t hash = numbers.size();
    for (const std::uint32_t number : numbers) {
      hash = (hash ^ number) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

}  // namespace linnet::grammar
