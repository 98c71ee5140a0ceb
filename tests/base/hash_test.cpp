#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace linnet {
namespace {

std::vector<std::byte> some_bytes(std::size_t count) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(i * 7 + i / 251));
  return bytes;
}

std::uint64_t hash_of(std::span<const std::byte> bytes) {
  Hash64 hash;
  hash.add(bytes);
  return hash.value();
}

TEST(Hash64, DoesNotDependOnTheCuts) {
  const auto bytes = some_bytes(1000);
  for (const std::size_t step : {1, 7, 63, 64, 65, 200}) {
    Hash64 hash;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      hash.add(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
    }
    EXPECT_EQ(hash.value(), hash_of(bytes)) << step;
  }
}

TEST(Hash64, EveryBitAndTheLengthCount) {
  auto bytes = some_bytes(200);
  std::set<std::uint64_t> seen = {hash_of(bytes)};
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(seen.insert(hash_of(bytes)).second) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  const std::vector<std::byte> zeros(300);
  for (std::size_t length = 0; length <= zeros.size(); ++length) {
    EXPECT_TRUE(seen.insert(hash_of(std::span(zeros).first(length))).second) << length;
  }
}

}  // namespace
}  // namespace linnet
