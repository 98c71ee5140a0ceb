#include "base/keyed_hash.hpp"

#include <bit>
#include <cstring>
#include <random>

namespace linnet {
namespace {

constexpr int kFinalRounds = 3;

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32) + v3;
    v2 += v1;
    v3 = std::rotl(v3, 21) ^ v0;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void add(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

std::uint64_t read_word(const char* from, std::size_t bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, bytes);
  return word;
}

std::array<std::uint64_t, 2> draw_key() {
  std::random_device device;
  const auto word = [&] { return std::uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

}  // namespace

std::uint64_t sip_hash(std::string_view text, const std::array<std::uint64_t, 2>& key) {
  // "somepseudorandomlygeneratedbytes"
  State state = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                 key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  const std::size_t whole = text.size() / 8 * 8;
  for (std::size_t i = 0; i < whole; i += 8) state.add(read_word(text.data() + i, 8));
  state.add(read_word(text.data() + whole, text.size() - whole) |
            static_cast<std::uint64_t>(text.size()) << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < kFinalRounds; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

const std::array<std::uint64_t, 2>& KeyedHash::process_key() {
  static const std::array<std::uint64_t, 2> key = draw_key();
  return key;
}

}  // namespace linnet
