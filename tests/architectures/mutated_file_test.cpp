// Golden cases with something wrong in their metadata or tensors: an error or a model that runs,
// never a crash (build with the asan preset to see more). LINNET_MUTATIONS sets how many for each.

#include <gtest/gtest.h>

#include <filesystem>

#include "support/evaluate.hpp"
#include "support/mutated_case.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

class MutatedFileTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { original_ = test::OracleCase::read(GetParam()); }

  test::OracleCase original_;
  test::CaseMutator mutator_;
  const test::TemporaryFolder folder_;
};

TEST_P(MutatedFileTest, IsAnErrorOrRuns) {
  const fs::path path = folder_ / "mutated.gguf";
  std::vector<std::int32_t> tokens = original_.tokens();
  tokens.resize(9);
  const auto backend = make_cpu_backend(1);
  for (int i = 0; i < test::mutations(); ++i) {
    test::OracleCase mutated = original_;
    mutator_.mutate(mutated);
    const Status written = mutated.write(path);
    ASSERT_TRUE(written) << written.error().message;
    const auto result = test::evaluate(path, *backend, tokens, 4, original_.input());
    if (!result) {
      EXPECT_NE(result.error().message.find("mutated.gguf: "), std::string::npos)
          << result.error().message;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, MutatedFileTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
