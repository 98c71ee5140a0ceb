#include "grammar/token_set.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace linnet::grammar {

std::int32_t TokenSet::count() const {
  std::int32_t count = 0;
  for (const std::uint64_t word : words_) count += std::popcount(word);
  return count;
}

namespace {

// For each byte of a set, which of eight floats stay: all bits set, or none.
using Keep = std::array<std::uint32_t, 8>;
constexpr std::array<Keep, 256> kKeep = [] {
  std::array<Keep, 256> table{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    for (std::size_t i = 0; i < 8; ++i) table[byte][i] = (byte >> i & 1) != 0 ? ~0u : 0u;
  }
  return table;
}();

constexpr float kNever = -std::numeric_limits<float>::infinity();

void apply_to_eight(float* logits, const Keep& keep) {
  std::array<std::uint32_t, 8> bits;
  std::memcpy(bits.data(), logits, sizeof bits);
  for (std::size_t i = 0; i < 8; ++i) {
    bits[i] = (bits[i] & keep[i]) | (std::bit_cast<std::uint32_t>(kNever) & ~keep[i]);
  }
  std::memcpy(logits, bits.data(), sizeof bits);
}

}  // namespace

void TokenSet::apply(std::span<float> logits) const {
  for (std::size_t first = 0; first < logits.size(); first += 64) {
    const std::uint64_t word = first / 64 < words_.size() ? words_[first / 64] : 0;
    if (word == ~std::uint64_t{0}) continue;
    const auto some = logits.subspan(first, std::min<std::size_t>(64, logits.size() - first));
    if (word == 0) {
      std::fill(some.begin(), some.end(), kNever);
    } else if (some.size() == 64) {
      for (std::size_t i = 0; i < 64; i += 8) {
        apply_to_eight(&some[i], kKeep[word >> i & 0xff]);
      }
    } else {
      for (std::size_t i = 0; i < some.size(); ++i) {
        if ((word >> i & 1) == 0) some[i] = kNever;
      }
    }
  }
}

}  // namespace linnet::grammar
