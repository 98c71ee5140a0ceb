#include "backend/route_experts.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace linnet {
namespace {

constexpr std::array<float, 6> kLogits = {0.1f, 2.0f, -1.0f, 2.0f, 0.5f, 1.0f};

struct Choice {
  std::array<std::int32_t, 2> ids;
  std::array<float, 2> weights;
};

Choice route(RouteParams params) {
  params.used = 2;
  Choice choice;
  route_row(kLogits.data(), 6, params, choice.ids.data(), choice.weights.data());
  return choice;
}

TEST(RouteExpertsTest, TiesGoToTheLowerIndex) {
  EXPECT_EQ(route({}).ids, (std::array<std::int32_t, 2>{1, 3}));
}

TEST(RouteExpertsTest, NormalisesAndScales) {
  RouteParams params;
  params.normalise = true;
  params.scale = 3.0f;
  const Choice choice = route(params);
  EXPECT_FLOAT_EQ(choice.weights[0], 1.5f);
  EXPECT_FLOAT_EQ(choice.weights[1], 1.5f);
}

TEST(RouteExpertsTest, TheBiasChoosesButDoesNotWeigh) {
  const std::array<float, 6> bias = {0, 0, 5, 0, 0, 0};
  RouteParams params;
  params.gate = GateFunction::kSigmoid;
  params.selection_bias = bias.data();
  const Choice choice = route(params);
  EXPECT_EQ(choice.ids[0], 2);
  EXPECT_FLOAT_EQ(choice.weights[0], 1.0f / (1.0f + std::exp(1.0f)));
}

TEST(RouteExpertsTest, GivenExpertsAreWeighedOnly) {
  RouteParams params;
  params.gate = GateFunction::kSquareRootOfSoftplus;
  params.used = 2;
  params.given = true;
  Choice choice{{5, 2}, {}};
  route_row(kLogits.data(), 6, params, choice.ids.data(), choice.weights.data());
  EXPECT_EQ(choice.ids, (std::array<std::int32_t, 2>{5, 2}));
  EXPECT_FLOAT_EQ(choice.weights[0], std::sqrt(std::log1p(std::exp(1.0f))));
  EXPECT_FLOAT_EQ(choice.weights[1], std::sqrt(std::log1p(std::exp(-1.0f))));
}

TEST(RouteExpertsTest, SearchesTheBestGroupsOnly) {
  RouteParams params;
  params.groups = 3;  // {0.1, 2}, {-1, 2}, {0.5, 1}
  params.used_groups = 1;
  EXPECT_EQ(route(params).ids, (std::array<std::int32_t, 2>{1, 0}));
}

}  // namespace
}  // namespace linnet
