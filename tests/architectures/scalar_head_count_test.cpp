// Hybrids as converters write them: one count of heads for all layers, and KV heads where there is
// attention. (The golden files have 0 heads where there is none.)

#include <gtest/gtest.h>

#include <algorithm>

#include "support/evaluate.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class ScalarHeadCountTest : public testing::TestWithParam<const char*> {};

TEST_P(ScalarHeadCountTest, GivesTheSameLogits) {
  test::OracleCase oracle = test::OracleCase::read(GetParam());
  const test::TemporaryFolder folder;
  const auto backend = make_cpu_backend(1);
  const auto logits = [&] {
    const Status written = oracle.write(folder / "model.gguf");
    EXPECT_TRUE(written) << written.error().message;
    const auto result =
        test::evaluate(folder / "model.gguf", *backend, oracle.tokens(), 64, oracle.input());
    EXPECT_TRUE(result) << result.error().message;
    return result ? result->logits : std::vector<float>{};
  };
  const std::vector<float> golden = logits();
  const std::string architecture = oracle.json["metadata"]["general.architecture"]["value"];
  auto& heads = oracle.json["metadata"][architecture + ".attention.head_count"];
  ASSERT_TRUE(heads["value"].is_array());
  const std::vector<int> each = heads["value"];
  heads = {{"type", "uint32"}, {"value", *std::max_element(each.begin(), each.end())}};
  EXPECT_EQ(logits(), golden);
}

INSTANTIATE_TEST_SUITE_P(Hybrids, ScalarHeadCountTest,
                         testing::Values("granitehybrid-dense", "jamba-dense", "lfm2-dense",
                                         "lfm2moe-moe", "nemotron_h-dense", "nemotron_h_moe-dense",
                                         "plamo2-dense", "kimi-linear-moe"),
                         test::test_name<const char*>);

}  // namespace
}  // namespace linnet
