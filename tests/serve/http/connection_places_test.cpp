#include "serve/http/connection_places.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace linnet::serve {
namespace {

// Takes as many places as there are, at most `wanted`.
std::vector<ConnectionPlaces::Place> take_all(ConnectionPlaces& places, std::uint64_t client,
                                              std::size_t wanted) {
  std::vector<ConnectionPlaces::Place> taken;
  while (taken.size() < wanted) {
    auto place = places.take(client);
    if (!place) break;
    taken.push_back(std::move(*place));
  }
  return taken;
}

TEST(ConnectionPlaces, AClientGetsNoMoreThanItsPart) {
  ConnectionPlaces places(8, 3);
  auto greedy = take_all(places, 7, 100);
  EXPECT_EQ(greedy.size(), 3u);
  EXPECT_EQ(take_all(places, 8, 100).size(), 3u);
  greedy.pop_back();
  EXPECT_EQ(take_all(places, 7, 100).size(), 1u);
}

TEST(ConnectionPlaces, ProgramsOfThisMachineMayHaveAll) {
  ConnectionPlaces places(8, 3);
  const auto local = take_all(places, 0, 100);
  EXPECT_EQ(local.size(), 8u);
  EXPECT_FALSE(places.take(7));
}

TEST(ConnectionPlaces, AreThereAgainWhenConnectionsHaveEnded) {
  ConnectionPlaces places(4, 3);
  for (int round = 0; round < 3; ++round) {
    const auto first = take_all(places, 7, 100), second = take_all(places, 8, 100);
    EXPECT_EQ(first.size(), 3u);
    EXPECT_EQ(second.size(), 1u);
    EXPECT_FALSE(places.take(9));
  }
}

}  // namespace
}  // namespace linnet::serve
