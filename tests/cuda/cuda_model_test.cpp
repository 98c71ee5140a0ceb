// The golden cases of all architectures on the CUDA backend.

#include <unistd.h>

#include <filesystem>

#include "cuda/cuda_rows.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

// Every eighth: small batches take many launches, which the emulation is slow at.
std::vector<std::string> some_case_names() {
  std::vector<std::string> some;
  for (const std::string& name : test::oracle_case_names()) {
    if (std::hash<std::string>()(name) % 8 == 0) some.push_back(name);
  }
  return some;
}

class CudaModelTest : public test::CudaTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    CudaTest::SetUp();
    if (IsSkipped()) return;
    case_ = test::OracleCase::read(GetParam());
    path_ = fs::temp_directory_path() /
            ("linnet-cuda-" + std::to_string(getpid()) + "-" + GetParam() + ".gguf");
    const Status written = case_.write(path_);
    ASSERT_TRUE(written) << written.error().message;
  }
  void TearDown() override {
    CudaTest::TearDown();
    std::error_code ignored;
    fs::remove(path_, ignored);
  }

  // The logits of the first `count` positions, in batches of `chunk` rows.
  std::vector<float> evaluate(std::int64_t count, std::int64_t chunk) {
    const std::vector<std::int32_t> tokens = case_.tokens();
    auto result =
        test::evaluate(path_, *cuda_, std::span(tokens).first(static_cast<std::size_t>(count)),
                       chunk, case_.input());
    if (!result) return ADD_FAILURE() << result.error().message, std::vector<float>{};
    can_be_cut_ = result->can_be_cut;
    columns_ = result->columns;
    return std::move(result->logits);
  }

  double error(const std::vector<float>& logits, std::int64_t count) {
    if (logits.empty()) return 1.0;
    std::vector<float> got, want;
    for (const auto& [position, row] : case_.logits()) {
      if (position >= count) continue;
      const float* first = logits.data() + position * columns_;
      got.insert(got.end(), first, first + row.size());
      want.insert(want.end(), row.begin(), row.end());
    }
    return test::normalised_error(got, want);
  }

  // Gemma 3n cuts activations at a deviation from their mean, which makes more of small errors.
  static double largest_error() { return GetParam().starts_with("gemma3n") ? 1e-5 : 1e-6; }

  test::OracleCase case_;
  fs::path path_;
  bool can_be_cut_ = true;
  std::int64_t columns_ = 0;
};

TEST_P(CudaModelTest, GivesTheGoldenLogits) {
  const auto count = static_cast<std::int64_t>(case_.tokens().size());
  EXPECT_LE(error(evaluate(count, count), count), largest_error());
}

class CudaSmallBatchTest : public CudaModelTest {};

TEST_P(CudaSmallBatchTest, GivesTheGoldenLogits) {
  const auto count = static_cast<std::int64_t>(case_.tokens().size());
  const std::vector<float> logits = evaluate(count, 3);
  if (!can_be_cut_) GTEST_SKIP() << "every token sees all others, so the prompt is one batch";
  EXPECT_LE(error(logits, count), largest_error());
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaModelTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);
INSTANTIATE_TEST_SUITE_P(Cases, CudaSmallBatchTest, testing::ValuesIn(some_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
