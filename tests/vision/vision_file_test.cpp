// What an encoder of pictures is told of the text model, and of the room that there is.

#include "vision/vision_file.hpp"

#include <gtest/gtest.h>

#include "support/mmproj_file.hpp"
#include "support/shared_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

// A golden tower, for a text model of 64 columns.
class OpenedTower {
 public:
  explicit OpenedTower(const std::string& name) {
    text_.width = 64;
    const Status written = test::write_mmproj(folder_ / "mmproj.gguf", text_.width, name);
    EXPECT_TRUE(written) << written.error().message;
  }

  std::unique_ptr<VisionFile> open(const PictureLimits& limits = {}) const {
    auto file = VisionFile::open(test::open_shared(folder_ / "mmproj.gguf"), text_, limits);
    EXPECT_TRUE(file) << file.error().message;
    return file ? std::move(*file) : nullptr;
  }

 private:
  const test::TemporaryFolder folder_;
  ModelSpec text_;
};

TEST(VisionFileTest, PicturesMayTakeWhatTheEncoderAllows) {
  const OpenedTower qwen("qwen2vl");
  EXPECT_EQ(qwen.open()->most_tokens(), 4096);
  const auto few = qwen.open({.most_tokens = 10});
  EXPECT_EQ(few->most_tokens(), 10);
  EXPECT_EQ(few->allowed_tokens(), 4096);
  EXPECT_EQ(qwen.open({.most_tokens = 100000})->most_tokens(), 4096);
}

TEST(VisionFileTest, PicturesTakeAtMostHalfOfTheContext) {
  const OpenedTower qwen("qwen2vl");
  EXPECT_EQ(qwen.open({.context = 5000})->most_tokens(), 2500);
  EXPECT_EQ(qwen.open({.context = 100})->most_tokens(), PictureLimits::kFewTokens);
  EXPECT_EQ(qwen.open({.most_tokens = 3000, .context = 5000})->most_tokens(), 3000);
}

// What the plan counts is what the smaller pictures take.
TEST(VisionFileTest, PicturesAreHalvedUntilThereIsMemory) {
  const OpenedTower qwen("qwen2vl");
  const std::int64_t half_bytes = qwen.open({.most_tokens = 2048})->memory_bytes();
  EXPECT_LT(half_bytes, qwen.open()->memory_bytes());
  const auto half = qwen.open({.memory_bytes = half_bytes});
  EXPECT_EQ(half->most_tokens(), 2048);
  EXPECT_EQ(half->memory_bytes(), half_bytes);
  EXPECT_EQ(half->allowed_tokens(), 4096);
  EXPECT_EQ(qwen.open({.memory_bytes = 1})->most_tokens(), PictureLimits::kFewTokens);
}

TEST(VisionFileTest, PicturesOfOneSizeHaveNoLimits) {
  for (const char* name : {"gemma3", "llava"}) {
    const auto fixed = OpenedTower(name).open({.memory_bytes = 1});
    EXPECT_EQ(fixed->most_tokens(), 0) << name;
    EXPECT_EQ(fixed->allowed_tokens(), 0) << name;
  }
}

// GLM-5.2 has the encoder of Kimi K2.5.
TEST(VisionFileTest, TextsAroundPicturesAreThoseOfTheVocabulary) {
  const OpenedTower kimi("kimik25");
  const auto of_kimi = kimi.open(), of_glm = kimi.open();
  of_kimi->choose_texts([](std::string_view) { return false; });
  EXPECT_EQ(of_kimi->spec().before, "<|media_begin|>image<|media_content|>");
  EXPECT_EQ(of_kimi->spec().after, "<|media_end|>");
  of_glm->choose_texts([](std::string_view text) { return text == "<|begin_of_image|>"; });
  EXPECT_EQ(of_glm->spec().before, "<|begin_of_image|>");
  EXPECT_EQ(of_glm->spec().after, "<|end_of_image|>");
  const auto other = OpenedTower("pixtral").open();
  const std::string before(other->spec().before);
  other->choose_texts([](std::string_view) { return true; });
  EXPECT_EQ(other->spec().before, before);
}

}  // namespace
}  // namespace linnet
