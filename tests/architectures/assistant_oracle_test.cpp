// Gemma 4's assistants against what llama.cpp predicts with them.

#include <gtest/gtest.h>

#include "support/assistant_case.hpp"

namespace linnet {
namespace {

TEST(AssistantOracleTest, ReferenceBackendGivesTheGoldenLogits) {
  const auto backend = make_reference_backend();
  EXPECT_LE(test::AssistantCase::read().error(*backend), 1e-9);
}

TEST(AssistantOracleTest, CpuBackendGivesTheGoldenLogits) {
  const auto backend = make_cpu_backend(2);
  EXPECT_LE(test::AssistantCase::read().error(*backend), 1e-7);
}

}  // namespace
}  // namespace linnet
