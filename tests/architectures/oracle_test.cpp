// Every architecture case of tests/data/architectures, on both CPU backends, against the logits of
// llama.cpp (of an encoder: the hidden states); and the promise that they do not depend on how a
// sequence is cut into batches.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "architectures/architecture.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

class OracleTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    case_ = test::OracleCase::read(GetParam());
    path_ = fs::temp_directory_path() /
            ("linnet-" + std::to_string(getpid()) + "-" + GetParam() + ".gguf");
    const Status written = case_.write(path_);
    ASSERT_TRUE(written) << written.error().message;
  }
  void TearDown() override { fs::remove(path_); }

  // The logits of all positions, the tokens given in batches of `chunk` rows.
  std::vector<float> evaluate(Backend& backend, std::int64_t chunk) {
    const auto result = test::evaluate(path_, backend, case_.tokens(), chunk, case_.input());
    if (!result) return ADD_FAILURE() << result.error().message, std::vector<float>{};
    can_be_cut_ = result->can_be_cut;
    columns_ = result->columns;
    return result->logits;
  }

  double error(const std::vector<float>& logits) {
    if (logits.empty()) return 1.0;
    std::vector<float> got, want;
    for (const auto& [position, row] : case_.logits()) {
      const float* first = logits.data() + position * columns_;
      got.insert(got.end(), first, first + row.size());
      want.insert(want.end(), row.begin(), row.end());
    }
    return test::normalised_error(got, want);
  }

  test::OracleCase case_;
  fs::path path_;
  bool can_be_cut_ = true;
  std::int64_t columns_ = 0;
};

TEST_P(OracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(error(evaluate(*backend, 64)), test::largest_error(GetParam()));
}

TEST_P(OracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(1);
  EXPECT_LE(error(evaluate(*backend, 64)), test::largest_error(GetParam()));
}

TEST_P(OracleTest, LogitsAreBitIdenticalWhateverChunksAndThreads) {
  const auto one = make_cpu_backend(1);
  const auto three = make_cpu_backend(3);
  const std::vector<float> whole = evaluate(*one, 64);
  EXPECT_EQ(evaluate(*three, 64), whole);
  if (!can_be_cut_) GTEST_SKIP() << "every token sees all others, so the prompt is one batch";
  EXPECT_EQ(evaluate(*three, 7), whole);
  EXPECT_EQ(evaluate(*one, 1), whole);
}

INSTANTIATE_TEST_SUITE_P(Cases, OracleTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
