// Layers for multi-token prediction on the CUDA backend.

#include "cuda/cuda_rows.hpp"
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

}  // namespace
}  // namespace linnet
