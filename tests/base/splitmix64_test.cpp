#include "base/splitmix64.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

// The first numbers of the generator with the seed 1234567, as its authors' program prints them.
TEST(SplitMix64, GivesTheNumbersOfTheGenerator) {
  std::uint64_t state = 1234567;
  for (const std::uint64_t expected :
       {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
        16408922859458223821u}) {
    EXPECT_EQ(spread_bits(state += kSplitMixStep), expected);
  }
}

}  // namespace
}  // namespace linnet
