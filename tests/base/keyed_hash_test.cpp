#include "base/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace linnet {
namespace {

// The key and texts are those of the paper's test vector for SipHash-2-4; the values are of a
// program in Python that gives that vector with two and four rounds.
TEST(SipHash, GivesTheValuesOfAnother) {
  const std::array<std::uint64_t, 2> key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
  const std::string text("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16", 15);
  EXPECT_EQ(sip_hash("", key), 0xabac0158050fc4dcu);
  EXPECT_EQ(sip_hash(text.substr(0, 7), key), 0xd3927d989bb11140u);
  EXPECT_EQ(sip_hash(text.substr(0, 8), key), 0x369095118d299a8eu);
  EXPECT_EQ(sip_hash(text, key), 0xd320d86d2a519956u);
}

TEST(SipHash, DependsOnTheKey) {
  EXPECT_NE(sip_hash("linnet", {1, 2}), sip_hash("linnet", {1, 3}));
  EXPECT_NE(sip_hash("linnet", {1, 2}), sip_hash("linnet", {2, 2}));
}

TEST(KeyedHash, HasOneKeyForTheProcess) {
  EXPECT_EQ(KeyedHash()("linnet"), KeyedHash()(std::string("linnet")));
  EXPECT_EQ(KeyedHash()("linnet"), sip_hash("linnet", KeyedHash::process_key()));
}

TEST(KeyedHash, TellsTextsApart) {
  std::unordered_set<std::uint64_t> hashes;
  for (int i = 0; i < 100000; ++i) hashes.insert(KeyedHash()(std::to_string(i)));
  EXPECT_EQ(hashes.size(), 100000u);
}

}  // namespace
}  // namespace linnet
