// EAGLE-3 against what llama.cpp predicts with it.

#include <gtest/gtest.h>

#include "support/eagle3_case.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class Eagle3OracleTest : public testing::TestWithParam<std::string> {
 protected:
  const test::Eagle3Case case_ = test::Eagle3Case::read(GetParam());
};

TEST_P(Eagle3OracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(case_.error(*backend), 1e-9);
}

TEST_P(Eagle3OracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(2);
  EXPECT_LE(case_.error(*backend), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Cases, Eagle3OracleTest, testing::ValuesIn(test::Eagle3Case::names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
