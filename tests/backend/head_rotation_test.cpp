#include "backend/head_rotation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backend/backend.hpp"
#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

using test::random_floats;

std::vector<float> rotated(std::vector<float> head) {
  rotate_head(head.data(), static_cast<int>(head.size()));
  return head;
}

float product(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

TEST(HeadRotation, KeepsProductsAndIsItsOwnInverse) {
  for (const int width : {1, 7, 20, 24, 64, 80, 96, 128, 256, 576}) {
    const auto a = random_floats(width, 1), b = random_floats(width, 2);
    EXPECT_NEAR(product(rotated(a), rotated(b)), product(a, b), 1e-4) << width;
    EXPECT_LT(test::normalised_error(rotated(rotated(a)), a), 1e-12) << width;
  }
}

TEST(HeadRotation, SpreadsWhatStandsOutOverItsBlock) {
  std::vector<float> head(80);  // blocks of 16
  head[20] = 8.0f;
  const auto spread = rotated(head);
  for (int i = 0; i < 80; ++i) EXPECT_EQ(std::fabs(spread[i]), i / 16 == 1 ? 2.0f : 0.0f) << i;
}

// One column of all keys and values is much larger than the others, as in many models. The share of
// attention's result that rounding them to 4 bits changes is about what it is without.
TEST(HeadRotation, MakesRoomForTheOthersBesideALargeColumn) {
  constexpr int kTokens = 64, kWidth = 64;
  const auto error = [&](float large) {
    const auto attend = [&](KvType type) {
      auto keys = random_floats(kTokens * kWidth, 1), values = random_floats(kTokens * kWidth, 2);
      auto queries = random_floats(kTokens * kWidth, 3);
      for (int t = 0; t < kTokens; ++t) {
        keys[t * kWidth + 9] = values[t * kWidth + 9] = large;
        queries[t * kWidth + 9] = 0.0f;
      }
      const auto backend = make_cpu_backend(1);
      auto store = backend->make_kv_store({{{1, kWidth, kWidth}}, type, 2});
      std::vector<std::int32_t> positions(kTokens), sequences(kTokens), table = {0, 1};
      std::iota(positions.begin(), positions.end(), 0);
      const std::span<const std::int32_t> tables[] = {table};
      const std::int32_t length = kTokens;
      const BatchLayout batch{positions, sequences, tables, {&length, 1}};
      const auto view = [&](std::vector<float>& of) {
        return View{of.data(), kTokens, kWidth, kWidth};
      };
      backend->store_kv(**store, 0, view(keys), view(values), batch);
      std::vector<float> out(kTokens * kWidth);
      backend->attention(**store, view(queries), {0, 1, 1, kWidth, kWidth, 0.3f}, batch, view(out));
      for (int t = 0; t < kTokens; ++t) out[t * kWidth + 9] = 0.0f;
      return out;
    };
    return test::normalised_error(attend(KvType::kQ4_0), attend(KvType::kF32));
  };
  const double without = error(0.0f);
  EXPECT_LT(without, 0.03);
  EXPECT_LT(error(20.0f), 5.0 * without);
}

}  // namespace
}  // namespace linnet
