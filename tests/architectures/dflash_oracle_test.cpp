// DFlash and DSpark against what llama.cpp computes with them.

#include <gtest/gtest.h>

#include "support/dflash_case.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class DflashOracleTest : public testing::TestWithParam<std::string> {
 protected:
  // Halves that are rounded make more of the last bit: see docs/decisions/gelu-of-halves.md.
  double limit(double usual) const {
    return case_.drafter.json["metadata"].contains("dflash.hidden_activation") ? 1e-6 : usual;
  }

  const test::DflashCase case_ = test::DflashCase::read(GetParam());
};

TEST_P(DflashOracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(case_.error(*backend), limit(1e-9));
}

TEST_P(DflashOracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(2);
  EXPECT_LE(case_.error(*backend), limit(1e-7));
}

INSTANTIATE_TEST_SUITE_P(Cases, DflashOracleTest, testing::ValuesIn(test::DflashCase::names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
