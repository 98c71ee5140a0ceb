// Layers for multi-token prediction against what llama.cpp predicts with them.

#include <gtest/gtest.h>

#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class PredictionOracleTest : public testing::TestWithParam<std::string> {
 protected:
  const test::PredictionCase case_ = test::PredictionCase::read(GetParam());
};

TEST_P(PredictionOracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(case_.error(*backend), 1e-9);
}

TEST_P(PredictionOracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(2);
  EXPECT_LE(case_.error(*backend), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Cases, PredictionOracleTest,
                         testing::ValuesIn(test::PredictionCase::names()),
                         test::test_name<std::string>);

class ChainedPredictionOracleTest : public testing::TestWithParam<std::string> {};

TEST_P(ChainedPredictionOracleTest, AllLayersGiveTheGoldenLogits) {
  const auto golden = test::PredictionCase::read_chained(GetParam());
  EXPECT_FALSE(golden.further_logits.empty());
  EXPECT_LE(golden.error(*make_reference_backend()), 1e-9);
  EXPECT_LE(golden.error(*make_cpu_backend(2)), 1e-7);
}

INSTANTIATE_TEST_SUITE_P(Cases, ChainedPredictionOracleTest,
                         testing::ValuesIn(test::PredictionCase::chained_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
