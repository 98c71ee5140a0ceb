// Models that can't take pictures say so before a picture's encoder is opened.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/loading/model_file.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

TEST(NoPictures, ModelsThatLookBackAtTokens) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.gguf";
  for (const std::string name : {"qwen4exp-own", "t5-own"}) {
    const auto oracle = test::OracleCase::read(name);
    const Status written = oracle.write(path);
    ASSERT_TRUE(written) << written.error().message;
    auto model = ModelFile::open(path.string());
    ASSERT_TRUE(model) << model.error().message;
    const Status added = (*model)->add_encoders(folder / "no-such-encoder.gguf");
    ASSERT_FALSE(added);
    EXPECT_THAT(added.error().message, testing::HasSubstr(" models read no pictures"));
  }
}

}  // namespace
}  // namespace linnet
