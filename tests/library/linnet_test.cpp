// The C functions and the C++ class above them, on the bundled model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "linnet/language_model.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

const std::string kModel = LINNET_SOURCE_DIR "/models/linnet-kjv.gguf";

LanguageModel open_model(linnet_model_options options = linnet_default_model_options()) {
  std::string error;
  auto model = LanguageModel::open(kModel, error, options);
  EXPECT_TRUE(model) << error;
  return std::move(*model);
}

TEST(Library, SaysWhatIsWrongWithAFile) {
  std::string error;
  EXPECT_FALSE(LanguageModel::open("/nowhere/model.gguf", error));
  EXPECT_EQ(error, "/nowhere/model.gguf: there is no such file");
  EXPECT_EQ(linnet_open("/nowhere/model.gguf", nullptr, nullptr), nullptr);
  EXPECT_FALSE(LanguageModel::open(kModel, error, {.threads = -1, .context = 0}));
  EXPECT_THAT(error, HasSubstr("negative"));
}

TEST(Library, TokenizesThereAndBack) {
  const LanguageModel model = open_model();
  std::string error;
  const auto ids = model.tokenize("In the beginning", error, /*add_special=*/false);
  ASSERT_TRUE(ids) << error;
  EXPECT_FALSE(ids->empty());
  EXPECT_EQ(model.detokenize(*ids, error), "In the beginning");
  EXPECT_EQ(model.tokenize("", error, false)->size(), 0u);
  EXPECT_EQ(model.detokenize({-1, 1 << 30}, error), "");
  EXPECT_FALSE(model.tokenize("\xff", error));
  EXPECT_THAT(error, HasSubstr("not valid UTF-8"));
}

TEST(Library, GeneratesTheSameTextAgain) {
  LanguageModel model = open_model();
  const auto text = [&](float temperature, std::uint64_t seed) {
    std::string text, error;
    const auto finish =
        model.generate("In the beginning",
                       [&](std::string_view piece) {
                         text += piece;
                         return true;
                       },
                       error, {.max_tokens = 12, .temperature = temperature, .seed = seed});
    EXPECT_EQ(finish, LINNET_LENGTH) << error;
    return text;
  };
  EXPECT_EQ(text(0.0f, 0), text(0.0f, 1));
  EXPECT_EQ(text(0.8f, 7), text(0.8f, 7));
  EXPECT_NE(text(0.8f, 7), text(0.8f, 8));
}

TEST(Library, TheCallbackMayEndTheText) {
  LanguageModel model = open_model();
  std::string error;
  int pieces = 0;
  const auto finish = model.generate(
      "In the beginning", [&](std::string_view) { return ++pieces < 3; }, error);
  EXPECT_EQ(finish, LINNET_CANCELLED);
  EXPECT_EQ(pieces, 3);
}

// What it refers to is gone when the next text is made.
TEST(Library, ACallbackThatThrowsLeavesNothingBehind) {
  LanguageModel model = open_model();
  std::string error;
  const auto text_of = [&](LanguageModel& of) {
    std::string text;
    const auto take = [&](std::string_view piece) {
      text += piece;
      return true;
    };
    EXPECT_EQ(of.generate("And", take, error, {8, 0.0f, 0}), LINNET_LENGTH) << error;
    return text;
  };
  int pieces = 0;
  const auto finish = model.generate(
      "In the beginning",
      [&](std::string_view) -> bool {
        ++pieces;
        throw std::runtime_error("enough");
      },
      error);
  EXPECT_FALSE(finish);
  EXPECT_EQ(error, "enough");
  LanguageModel other = open_model();
  EXPECT_EQ(text_of(model), text_of(other));
  EXPECT_EQ(pieces, 1);
}

TEST(Library, KeepsTheContext) {
  LanguageModel model = open_model({.threads = 1, .context = 64});
  EXPECT_EQ(model.context(), 64);
  EXPECT_EQ(model.vocabulary(), 2048);
  std::string error;
  const auto nothing = [](std::string_view) { return true; };
  EXPECT_FALSE(model.generate("Hear me", nothing, error, {64, 0.0f, 0}));
  EXPECT_THAT(error, HasSubstr("but the context holds 64"));
  EXPECT_FALSE(model.generate("Hear me", nothing, error, {0, 0.0f, 0}));
}

}  // namespace
}  // namespace linnet
