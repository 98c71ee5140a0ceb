// Pictures on the CUDA backend: golden towers, and text models that read them.

#include "cuda/cuda_rows.hpp"
#include "support/normalised_error.hpp"
#include "support/picture_chain.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

class CudaPictureModelTest : public test::CudaTest, public testing::WithParamInterface<std::string> {};

TEST_P(CudaPictureModelTest, RowsAndLogitsAreTheGoldenOnes) {
  const test::PictureChain chain(GetParam());
  const auto rows = chain.rows(*cuda_);
  ASSERT_TRUE(rows) << rows.error().message;
  const auto want = test::VisionCase::read(chain.golden().tower()).rows();
  EXPECT_LE(test::normalised_error(rows->values, want), 1e-6);
  for (const std::int64_t chunk : {64, 5}) {
    const auto logits = chain.logits(*cuda_, chunk);
    ASSERT_TRUE(logits) << logits.error().message;
    EXPECT_LE(test::normalised_error(*logits, chain.golden().logits()), 1e-6) << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, CudaPictureModelTest, testing::ValuesIn(test::vision_chain_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
