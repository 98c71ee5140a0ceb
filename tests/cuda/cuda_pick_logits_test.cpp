#include <cmath>
#include <limits>

#include "cuda/cuda_rows.hpp"

namespace linnet {
namespace {

using test::DeviceRows;

constexpr float kNever = -std::numeric_limits<float>::infinity();

class CudaPickLogitsTest : public test::CudaTest {
 protected:
  static std::vector<float> logits(std::int64_t rows, std::int64_t columns, float step) {
    std::vector<float> values = test::random_floats(rows * columns, 5, 3.0f);
    for (float& value : values) value = std::round(value / step) * step;
    for (std::size_t i = 0; i < values.size(); i += 17) values[i] = kNever;
    for (std::size_t i = 3; i < values.size(); i += 29) {
      values[i] = std::numeric_limits<float>::quiet_NaN();
    }
    for (std::size_t i = 5; i < values.size(); i += 31) values[i] = -0.0f;
    return values;
  }

  static std::vector<PickedLogits> pick(Backend& backend, std::int64_t rows, std::int64_t columns,
                                        const std::vector<float>& values,
                                        std::span<const LogitQuery> queries) {
    const DeviceRows device(backend, rows, columns, values);
    std::vector<PickedLogits> picked(queries.size());
    EXPECT_TRUE(backend.pick_logits(device.view(), queries, picked));
    return picked;
  }

  void expect_the_same(std::int64_t rows, std::int64_t columns, const std::vector<float>& values,
                       std::span<const LogitQuery> queries) {
    const auto want = pick(*reference_, rows, columns, values, queries);
    const auto got = pick(*cuda_, rows, columns, values, queries);
    for (std::size_t q = 0; q < queries.size(); ++q) {
      EXPECT_EQ(got[q].ids, want[q].ids) << "query " << q;
      EXPECT_EQ(got[q].logits, want[q].logits) << "query " << q;
      ASSERT_EQ(got[q].of_ids.size(), want[q].of_ids.size());
      for (std::size_t i = 0; i < want[q].of_ids.size(); ++i) {
        const float a = got[q].of_ids[i], b = want[q].of_ids[i];
        EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << a << " " << b;
      }
    }
  }
};

// Rows of several pieces, each of which is picked of first.
TEST_F(CudaPickLogitsTest, TheLikeliestOfLongRows) {
  constexpr std::int64_t kColumns = 10000;
  for (const float step : {0.5f, 1e-5f}) {
    const auto values = logits(3, kColumns, step);
    std::vector<std::uint64_t> allowed(150, 0x8421);  // none in the last piece
    for (const std::int64_t most : {0, 1, 40, 128, 256, 257}) {
      const std::vector<std::int32_t> ids = {0, 4095, 4096, 9999};
      const LogitQuery queries[] = {{.row = 0, .ids = ids, .most = most},
                                    {.row = 2, .allowed = allowed, .most = most},
                                    {.row = 1, .most = 256, .within = 1}};
      expect_the_same(3, kColumns, values, queries);
    }
  }
}

TEST_F(CudaPickLogitsTest, TheLikeliest) {
  for (const float step : {0.5f, 1e-5f}) {
    const auto values = logits(4, 1500, step);
    for (const std::int64_t most : {0, 1, 2, 40, 700, 1500, 5000}) {
      const LogitQuery queries[] = {{.row = 0, .most = most},
                                    {.row = 3, .most = most},
                                    {.row = 1, .most = most, .within = 2}};
      expect_the_same(4, 1500, values, queries);
    }
  }
}

TEST_F(CudaPickLogitsTest, WithoutCandidates) {
  std::vector<float> values(600, kNever);
  const LogitQuery one[] = {{.row = 0, .most = 3}}, near[] = {{.row = 0, .most = 3, .within = 1}};
  expect_the_same(1, 600, values, one);
  values[599] = std::numeric_limits<float>::lowest();
  expect_the_same(1, 600, values, one);
  expect_the_same(1, 600, values, near);
  values[0] = std::numeric_limits<float>::infinity();
  expect_the_same(1, 600, values, near);
}

TEST_F(CudaPickLogitsTest, WantedIdsAreNotPickedAgain) {
  const auto values = logits(2, 700, 0.5f);
  const std::vector<std::int32_t> first = {0, 3, 5, 100, 101, 699}, second = {17};
  const LogitQuery queries[] = {{.row = 1, .ids = first, .most = 5}, {.row = 0, .ids = second}};
  expect_the_same(2, 700, values, queries);

  const DeviceRows device(*cuda_, 2, 700, values);
  std::vector<PickedLogits> picked(2);
  ASSERT_TRUE(cuda_->pick_logits(device.view(), queries, picked));
  const auto left = device.values();
  for (const std::int32_t id : first) EXPECT_EQ(left[700 + id], kNever);
  EXPECT_EQ(left[700 + 102], values[700 + 102]);
}

TEST_F(CudaPickLogitsTest, OnlyWhatIsAllowed) {
  const auto values = logits(2, 700, 0.5f);
  // Fewer words than the row: what is beyond is not allowed.
  const std::vector<std::uint64_t> some = {0, 0xff00ff00ff00ff00u, 1, 0, 0x8000000000000000u};
  const std::vector<std::uint64_t> none(11, 0);
  const LogitQuery queries[] = {{.row = 0, .allowed = some, .most = 20},
                                {.row = 1, .allowed = none, .most = 20}};
  expect_the_same(2, 700, values, queries);
}

}  // namespace
}  // namespace linnet
