// The C functions and the C++ class above them, on the bundled model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "linnet/language_model.hpp"
#include "support/paths.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

const std::string kModel = test::kBundledModel;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

LanguageModel open_model(linnet_model_options options = linnet_default_model_options()) {
  std::string error;
  auto model = LanguageModel::open(kModel, error, options);
  EXPECT_TRUE(model) << error;
  return std::move(*model);
}

std::string text_of(LanguageModel& model, std::string_view prompt) {
  std::string text, error;
  const auto take = [&](std::string_view piece) {
    text += piece;
    return true;
  };
  EXPECT_EQ(model.generate(prompt, take, error, {8, 0.0f, 0}), LINNET_LENGTH) << error;
  return text;
}

TEST(Library, SaysWhatIsWrongWithAFile) {
  std::string error;
  EXPECT_FALSE(LanguageModel::open("/nowhere/model.gguf", error));
  EXPECT_EQ(error, "/nowhere/model.gguf: there is no such file");
  EXPECT_EQ(linnet_open("/nowhere/model.gguf", nullptr, nullptr), nullptr);
  EXPECT_FALSE(LanguageModel::open(kModel, error, {.threads = -1, .context = 0}));
  EXPECT_EQ(error, "threads is -1, expected 0 to 1024");
  EXPECT_FALSE(LanguageModel::open(kModel, error, {.threads = 1 << 30, .context = 0}));
  EXPECT_EQ(error, "threads is 1073741824, expected 0 to 1024");
  EXPECT_FALSE(LanguageModel::open(kModel, error, {.threads = 0, .context = kMost}));
  EXPECT_EQ(error, "context is 9223372036854775807, expected 0 to 1073741824");
}

// The sentence that a call fails with.
template <class Call>
std::string error_of(Call call) {
  char* error = nullptr;
  EXPECT_EQ(call(&error), LINNET_FAILED);
  const std::string text = error ? error : "none";
  linnet_free(error);
  return text;
}

TEST(Library, PointersThatAreMissing) {
  const auto open_nothing = [](char** error) {
    return linnet_open(nullptr, nullptr, error) ? LINNET_OK : LINNET_FAILED;
  };
  EXPECT_EQ(error_of(open_nothing), "path is NULL");
  linnet_close(nullptr);
  linnet_free(nullptr);
  EXPECT_EQ(linnet_context(nullptr), 0);
  EXPECT_EQ(linnet_vocabulary(nullptr), 0);

  linnet_model* const model = linnet_open(kModel.c_str(), nullptr, nullptr);
  ASSERT_TRUE(model);
  std::int32_t* ids = nullptr;
  char* text = nullptr;
  std::size_t count = 0;
  const auto tokenize = [&](linnet_model* of, const char* from, std::int32_t** to, std::size_t* n) {
    return error_of([&](char** error) { return linnet_tokenize(of, from, 1, 0, to, n, error); });
  };
  EXPECT_EQ(tokenize(nullptr, "a", &ids, &count), "model is NULL");
  EXPECT_EQ(tokenize(model, nullptr, &ids, &count), "text is NULL");
  EXPECT_EQ(tokenize(model, "a", nullptr, &count), "ids is NULL");
  EXPECT_EQ(tokenize(model, "a", &ids, nullptr), "count is NULL");
  const auto detokenize = [&](linnet_model* of, const std::int32_t* from, char** to) {
    return error_of(
        [&](char** error) { return linnet_detokenize(of, from, 1, to, nullptr, error); });
  };
  const std::int32_t id = 1;
  EXPECT_EQ(detokenize(nullptr, &id, &text), "model is NULL");
  EXPECT_EQ(detokenize(model, nullptr, &text), "ids is NULL");
  EXPECT_EQ(detokenize(model, &id, nullptr), "text is NULL");
  const auto generate = [&](linnet_model* of, const char* prompt, linnet_on_text on_text) {
    return error_of([&](char** error) {
      return linnet_generate(of, prompt, 1, nullptr, on_text, nullptr, nullptr, error);
    });
  };
  const auto take = [](const char*, std::size_t, void*) { return 1; };
  EXPECT_EQ(generate(nullptr, "a", take), "model is NULL");
  EXPECT_EQ(generate(model, nullptr, take), "prompt is NULL");
  EXPECT_EQ(generate(model, "a", nullptr), "on_text is NULL");

  // What nothing is read from or written to may be missing.
  EXPECT_EQ(linnet_tokenize(model, nullptr, 0, 0, &ids, &count, nullptr), LINNET_OK);
  linnet_free(ids);
  EXPECT_EQ(linnet_detokenize(model, nullptr, 0, &text, nullptr, nullptr), LINNET_OK);
  EXPECT_STREQ(text, "");
  linnet_free(text);
  EXPECT_EQ(linnet_generate(model, nullptr, 0, nullptr, take, nullptr, nullptr, nullptr),
            LINNET_OK);
  linnet_close(model);
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
  EXPECT_EQ(text_of(model, "And"), text_of(other, "And"));
  EXPECT_EQ(pieces, 1);
}

TEST(Library, WhatIsNoExceptionOfTheStandardLibraryIsAnErrorToo) {
  LanguageModel model = open_model();
  std::string error;
  EXPECT_FALSE(model.generate(
      "And", [](std::string_view) -> bool { throw 42; }, error));
  EXPECT_EQ(error, "on_text threw an exception");
}

TEST(Library, ACallbackMayEndItsThread) {
  LanguageModel model = open_model();
  bool returned = false;
  std::thread([&] {
    std::string error;
    model.generate(
        "And", [](std::string_view) -> bool { pthread_exit(nullptr); }, error);
    returned = true;
  }).join();
  EXPECT_FALSE(returned);
  LanguageModel other = open_model();
  EXPECT_EQ(text_of(model, "And"), text_of(other, "And"));
}

TEST(Library, ACallbackMayUseTheModelButNotBeginAnotherText) {
  LanguageModel model = open_model();
  const std::string expected = text_of(model, "And");
  std::string text, error, inner_error, piece_back;
  const auto take = [&](std::string_view piece) {
    text += piece;
    const auto ids = model.tokenize(piece, inner_error, /*add_special=*/false);
    piece_back += ids ? model.detokenize(*ids, inner_error).value_or("?") : "?";
    EXPECT_FALSE(model.generate(
        "So", [](std::string_view) { return true; }, inner_error));
    EXPECT_EQ(inner_error, "the model is generating a text, and makes one at a time");
    return true;
  };
  EXPECT_EQ(model.generate("And", take, error, {8, 0.0f, 0}), LINNET_LENGTH) << error;
  EXPECT_EQ(text, expected);
  EXPECT_EQ(piece_back, expected);
  EXPECT_EQ(text_of(model, "And"), expected);
}

TEST(Library, ModelsSideBySide) {
  LanguageModel one = open_model(), other = open_model();
  std::string texts[2];
  std::thread thread([&] { texts[0] = text_of(one, "In the beginning"); });
  texts[1] = text_of(other, "In the beginning");
  thread.join();
  EXPECT_EQ(texts[0], texts[1]);
}

TEST(Library, NumbersThatMakeNoSense) {
  LanguageModel model = open_model();
  const auto error_with = [&](const linnet_generate_options& options) {
    std::string error;
    const auto nothing = [](std::string_view) { return true; };
    EXPECT_FALSE(model.generate("And", nothing, error, options));
    return error;
  };
  EXPECT_THAT(error_with({kMost, 0.0f, 0}), HasSubstr("but the context holds"));
  EXPECT_THAT(error_with({-1, 0.0f, 0}), HasSubstr("at least 1"));
  EXPECT_THAT(error_with({0, 0.0f, 0}), HasSubstr("at least 1"));
  for (const float temperature : {-1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(error_with({8, temperature, 0}), HasSubstr("expected a number from 0 on"));
  }
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
