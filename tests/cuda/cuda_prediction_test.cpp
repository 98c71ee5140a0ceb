// What guesses from a model's states, on the CUDA backend: layers for multi-token prediction,
// EAGLE-3, DFlash, and Gemma 4's assistants.

#include "cuda/cuda_rows.hpp"
#include "support/assistant_case.hpp"
#include "support/dflash_case.hpp"
#include "support/eagle3_case.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class CudaPredictionTest : public test::CudaTest,
                           public testing::WithParamInterface<std::string> {};

TEST_P(CudaPredictionTest, GivesTheGoldenLogits) {
  EXPECT_LE(test::PredictionCase::read(GetParam()).error(*cuda_), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaPredictionTest,
                         testing::ValuesIn(test::PredictionCase::names()),
                         test::test_name<std::string>);

class CudaEagle3Test : public test::CudaTest, public testing::WithParamInterface<std::string> {};

TEST_P(CudaEagle3Test, GivesTheGoldenLogits) {
  EXPECT_LE(test::Eagle3Case::read(GetParam()).error(*cuda_), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaEagle3Test, testing::ValuesIn(test::Eagle3Case::names()),
                         test::test_name<std::string>);

class CudaDflashTest : public test::CudaTest, public testing::WithParamInterface<std::string> {};

TEST_P(CudaDflashTest, GivesTheGoldenLogits) {
  EXPECT_LE(test::DflashCase::read(GetParam()).error(*cuda_), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaDflashTest, testing::ValuesIn(test::DflashCase::names()),
                         test::test_name<std::string>);

class CudaAssistantTest : public test::CudaTest {};

TEST_F(CudaAssistantTest, GivesTheGoldenLogits) {
  EXPECT_LE(test::AssistantCase::read().error(*cuda_), 1e-6);
}

}  // namespace
}  // namespace linnet
