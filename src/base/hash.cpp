#include "base/hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/splitmix64.hpp"

namespace linnet {
namespace {

// Odd, with bits all over.
constexpr std::uint64_t kWordFactor = 0xd6e8feb86659fd93u;
constexpr std::uint64_t kLaneFactor = 0x9e3779b97f4a7c15u;

}  // namespace

// For each lane a bijection of the lane and of the word. The factor of the word keeps its bits from
// cancelling single ones of the word before (https://github.com/Cyan4973/xxHash, XXH64's round).
void Hash64::mix(Lanes& lanes, const std::byte* block) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    std::uint64_t word;
    std::memcpy(&word, block + i * sizeof word, sizeof word);
    lanes[i] = std::rotl(lanes[i] + word * kWordFactor, 31) * kLaneFactor;
  }
}

void Hash64::add(std::span<const std::byte> bytes) {
  const std::size_t held = size_bytes_ % kBlockBytes;
  size_bytes_ += bytes.size();
  if (held > 0) {
    const std::size_t taken = std::min(bytes.size(), kBlockBytes - held);
    std::copy_n(bytes.begin(), taken, rest_.begin() + static_cast<std::ptrdiff_t>(held));
    bytes = bytes.subspan(taken);
    if (held + taken < kBlockBytes) return;
    mix(lanes_, rest_.data());
  }
  for (; bytes.size() >= kBlockBytes; bytes = bytes.subspan(kBlockBytes)) {
    mix(lanes_, bytes.data());
  }
  std::copy(bytes.begin(), bytes.end(), rest_.begin());
}

std::uint64_t Hash64::value() const {
  Lanes lanes = lanes_;
  auto last = rest_;
  const std::size_t held = size_bytes_ % kBlockBytes;
  std::fill(last.begin() + static_cast<std::ptrdiff_t>(held), last.end(), std::byte{0});
  mix(lanes, last.data());
  std::uint64_t hash = size_bytes_;
  for (const std::uint64_t lane : lanes) hash = spread_bits(hash ^ lane);
  return hash;
}

}  // namespace linnet
