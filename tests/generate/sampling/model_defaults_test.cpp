#include "generate/sampling/model_defaults.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/model_copy.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using test::ModelCopy;
using testing::HasSubstr;

Result<SamplingParams> defaults_of(const ModelCopy& copy) {
  const test::TemporaryFolder folder;
  const Status written = copy.write(folder / "model.gguf");
  if (!written) return written.error();
  const auto file = gguf::File::open(folder / "model.gguf");
  if (!file) return file.error();
  return model_sampling_defaults(*file);
}

TEST(ModelSamplingDefaults, AreThoseOfTheFile) {
  const auto params =
      defaults_of(ModelCopy()
                      .set_number("general.sampling.temp", 0.6)
                      .set_number("general.sampling.top_p", 0.95)
                      .set_number("general.sampling.min_p", 0.02)
                      .set_number("general.sampling.penalty_repeat", 1.05)
                      .set("general.sampling.top_k", gguf::ValueType::kInt32, 20)
                      .set("general.sampling.mirostat", gguf::ValueType::kInt32, 2));
  ASSERT_TRUE(params) << params.error().message;
  EXPECT_FLOAT_EQ(params->temperature, 0.6f);
  EXPECT_FLOAT_EQ(params->top_p, 0.95f);
  EXPECT_FLOAT_EQ(params->min_p, 0.02f);
  EXPECT_FLOAT_EQ(params->repeat_penalty, 1.05f);
  EXPECT_EQ(params->top_k, 20);
  EXPECT_EQ(params->mirostat, 2);
}

TEST(ModelSamplingDefaults, AreOffWhereTheFileSaysNothing) {
  const auto params = defaults_of(ModelCopy());
  ASSERT_TRUE(params);
  EXPECT_EQ(params->temperature, 0.0f);
  EXPECT_EQ(params->top_k, 0);
  EXPECT_EQ(params->top_p, 1.0f);
}

TEST(ModelSamplingDefaults, AValueOutOfRangeIsNamed) {
  const auto high = defaults_of(ModelCopy().set_number("general.sampling.top_p", 1.5));
  ASSERT_FALSE(high);
  EXPECT_THAT(high.error().message, HasSubstr("general.sampling.top_p is 1.5, expected 0 to 1"));
  const auto text = defaults_of(ModelCopy().set_text("general.sampling.top_k", "many"));
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, HasSubstr("general.sampling.top_k"));
}

}  // namespace
}  // namespace linnet
