// The C functions and the C++ class above them, on the bundled model.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/library_model.hpp"

namespace linnet {
namespace {

using test::add_to;
using test::open_model;
using test::short_text;
using testing::HasSubstr;

const std::string kModel = test::kBundledModel;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

std::string text_of(LanguageModel& model, std::string_view prompt) {
  std::string text, error;
  EXPECT_EQ(model.generate(prompt, add_to(text), error, short_text(8)), LINNET_LENGTH) << error;
  return text;
}

std::string error_with(linnet_model_options options) {
  std::string error;
  EXPECT_FALSE(LanguageModel::open(kModel, error, options));
  return error;
}

TEST(Library, SaysWhatIsWrongWithAFile) {
  std::string error;
  EXPECT_FALSE(LanguageModel::open("/nowhere/model.gguf", error));
  EXPECT_EQ(error, "/nowhere/model.gguf: there is no such file");
  EXPECT_EQ(linnet_open("/nowhere/model.gguf", nullptr, nullptr), nullptr);
}

TEST(Library, OptionsThatMakeNoSense) {
  linnet_model_options options{};
  options.threads = -1;
  EXPECT_EQ(error_with(options), "threads is -1, expected 0 to 1024");
  options.threads = 1 << 30;
  EXPECT_EQ(error_with(options), "threads is 1073741824, expected 0 to 1024");
  options = {};
  options.context = kMost;
  EXPECT_EQ(error_with(options), "context is 9223372036854775807, expected 0 to 1073741824");
  options = {};
  options.gpu_layers = -1;
  EXPECT_THAT(error_with(options), HasSubstr("gpu_layers is -1, expected 0 to"));
  options.gpu_layers = 3;
  EXPECT_EQ(error_with(options), "gpu_layers is 3, but device is cpu");
  options = {};
  options.context = 64;
  options.cache_tokens = 32;
  EXPECT_THAT(error_with(options), HasSubstr("cache_tokens is 32: one text may have 64 tokens"));
  options.cache_tokens = 1 << 30;
  EXPECT_THAT(error_with(options), HasSubstr("cache_tokens is 1073741824: the model with a cache"));
  options.cache_tokens = kMost;
  EXPECT_THAT(error_with(options), HasSubstr("cache_tokens is 9223372036854775807, expected 0 to"));
  options = {};
  options.kv_type = "f15";
  EXPECT_EQ(error_with(options),
            "kv_type is f15, expected one of f32, f16, bf16, q8_0, f8_e4m3, "
            "q4_0");
  options = {};
  options.device = "tpu";
  EXPECT_EQ(error_with(options), "device is tpu, expected one of cpu, cuda, auto");
  options = {};
  options.adapter_count = 1;
  EXPECT_EQ(error_with(options), "adapters is NULL");
  const linnet_adapter nothing{nullptr, 1.0f}, nowhere{"/nowhere/adapter.gguf", 1.0f},
      no_number{"adapter.gguf", std::nanf("")};
  options.adapters = &nothing;
  EXPECT_EQ(error_with(options), "the path of an adapter is NULL");
  options.adapters = &no_number;
  EXPECT_EQ(error_with(options), "the strength of adapter.gguf is nan, expected -100 to 100");
  options.adapters = &nowhere;
  EXPECT_EQ(error_with(options), "/nowhere/adapter.gguf: there is no such file");
  options = {};
  options.mmproj = "/nowhere/mmproj.gguf";
  EXPECT_THAT(error_with(options), HasSubstr("/nowhere/mmproj.gguf"));
  options = {};
  options.draft_model = "/nowhere/draft.gguf";
  EXPECT_THAT(error_with(options), HasSubstr("/nowhere/draft.gguf"));
  options = {};
  options.chat_template = "no-such-template";
  EXPECT_THAT(error_with(options), HasSubstr("no-such-template"));
  options = {};
  options.cache_folder = "/dev/null";
  EXPECT_THAT(error_with(options), HasSubstr("/dev/null"));
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
  const auto chat = [&](linnet_model* of, const linnet_message* messages, linnet_on_text on_text) {
    return error_of([&](char** error) {
      return linnet_chat(of, messages, 1, nullptr, on_text, nullptr, nullptr, error);
    });
  };
  const linnet_message said{"user", "a"}, nobody{nullptr, "a"}, nothing{"user", nullptr};
  EXPECT_EQ(chat(nullptr, &said, take), "model is NULL");
  EXPECT_EQ(chat(model, nullptr, take), "messages is NULL");
  EXPECT_EQ(chat(model, &said, nullptr), "on_text is NULL");
  EXPECT_EQ(chat(model, &nobody, take), "the role or text of a message is NULL");
  EXPECT_EQ(chat(model, &nothing, take), "the role or text of a message is NULL");
  float* values = nullptr;
  const auto embed = [&](linnet_model* of, const char* from, float** to, std::size_t* n) {
    return error_of([&](char** error) { return linnet_embed(of, from, 1, to, n, error); });
  };
  EXPECT_EQ(embed(nullptr, "a", &values, &count), "model is NULL");
  EXPECT_EQ(embed(model, nullptr, &values, &count), "text is NULL");
  EXPECT_EQ(embed(model, "a", nullptr, &count), "values is NULL");
  EXPECT_EQ(embed(model, "a", &values, nullptr), "count is NULL");
  const auto request = [&](linnet_model* of, const char* path, const char* body, char** reply) {
    return error_of([&](char** error) {
      return linnet_request(of, path, body, 1, nullptr, nullptr, nullptr, reply, nullptr, error);
    });
  };
  EXPECT_EQ(request(nullptr, "/health", "a", &text), "model is NULL");
  EXPECT_EQ(request(model, nullptr, "a", &text), "path is NULL");
  EXPECT_EQ(request(model, "/health", nullptr, &text), "body is NULL");
  EXPECT_EQ(request(model, "/health", "a", nullptr), "reply is NULL");

  // What nothing is read from or written to may be missing.
  EXPECT_EQ(linnet_tokenize(model, nullptr, 0, 0, &ids, &count, nullptr), LINNET_OK);
  linnet_free(ids);
  EXPECT_EQ(linnet_detokenize(model, nullptr, 0, &text, nullptr, nullptr), LINNET_OK);
  EXPECT_STREQ(text, "");
  linnet_free(text);
  EXPECT_EQ(linnet_generate(model, nullptr, 0, nullptr, take, nullptr, nullptr, nullptr),
            LINNET_OK);
  EXPECT_EQ(linnet_request(model, "/health", nullptr, 0, nullptr, nullptr, nullptr, &text, nullptr,
                           nullptr),
            LINNET_OK);
  linnet_free(text);
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
    linnet_generate_options options = short_text(12);
    options.temperature = temperature;
    options.seed = seed;
    EXPECT_EQ(model.generate("In the beginning", add_to(text), error, options), LINNET_LENGTH)
        << error;
    return text;
  };
  EXPECT_EQ(text(0.0f, 0), text(0.0f, 1));
  EXPECT_EQ(text(0.8f, 7), text(0.8f, 7));
  EXPECT_NE(text(0.8f, 7), text(0.8f, 8));
  constexpr std::uint64_t kRandom = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(text(0.8f, kRandom - 1), text(0.8f, kRandom - 1));
  EXPECT_FALSE(text(1.5f, kRandom) == text(1.5f, kRandom) &&
               text(1.5f, kRandom) == text(1.5f, kRandom));
}

TEST(Library, DrawsFromTheLikeliestTokens) {
  LanguageModel model = open_model();
  const std::string likeliest = text_of(model, "In the beginning");
  const auto text_with = [&](auto change) {
    std::string text, error;
    linnet_generate_options options = short_text(8);
    options.temperature = 5.0f;
    change(options);
    EXPECT_EQ(model.generate("In the beginning", add_to(text), error, options), LINNET_LENGTH)
        << error;
    return text;
  };
  EXPECT_NE(text_with([](auto&) {}), likeliest);
  EXPECT_EQ(text_with([](auto& options) { options.top_k = 1; }), likeliest);
  EXPECT_EQ(text_with([](auto& options) { options.top_p = 1e-6f; }), likeliest);
  EXPECT_EQ(text_with([](auto& options) { options.min_p = 1.0f; }), likeliest);
  EXPECT_NE(text_with([](auto& options) { options.temperature = -1.0f; }), likeliest);
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

TEST(Library, ACallbackThatIsNotThere) {
  LanguageModel model = open_model();
  std::string error;
  EXPECT_FALSE(model.generate("And", nullptr, error));
  EXPECT_EQ(error, "on_text is NULL");
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
  EXPECT_EQ(error, "a callback threw an exception");
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

TEST(Library, ACallbackMayUseTheModelAndBeginAnotherText) {
  LanguageModel model = open_model();
  const std::string expected = text_of(model, "And"), expected_inside = text_of(model, "So");
  std::string text, error, piece_back;
  const auto take = [&](std::string_view piece) {
    text += piece;
    const auto ids = model.tokenize(piece, error, /*add_special=*/false);
    piece_back += ids ? model.detokenize(*ids, error).value_or("?") : "?";
    EXPECT_EQ(text_of(model, "So"), expected_inside);
    return true;
  };
  EXPECT_EQ(model.generate("And", take, error, short_text(8)), LINNET_LENGTH) << error;
  EXPECT_EQ(text, expected);
  EXPECT_EQ(piece_back, expected);
  EXPECT_EQ(text_of(model, "And"), expected);
}

TEST(Library, TextsSideBySideAreThoseAlone) {
  LanguageModel model = open_model();
  const std::vector<std::string> prompts = {"And", "So", "In the beginning", "Hear", "Lo", "The"};
  std::vector<std::string> expected, texts(prompts.size());
  for (const std::string& prompt : prompts) expected.push_back(text_of(model, prompt));
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      threads.emplace_back([&, i] { texts[i] = text_of(model, prompts[i]); });
    }
  }
  EXPECT_EQ(texts, expected);
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
  EXPECT_THAT(error_with(short_text(1 << 20)), HasSubstr("but the context holds"));
  EXPECT_THAT(error_with(short_text(kMost)), HasSubstr("max_tokens"));
  EXPECT_EQ(error_with(short_text(-1)), "max_tokens is -1, expected a number from 0 on");
  linnet_generate_options options = short_text(8);
  options.top_k = -1;
  EXPECT_EQ(error_with(options), "top_k is -1, expected a number from 0 on");
  for (const float value : {std::nanf(""), std::numeric_limits<float>::infinity(), 1000.0f}) {
    options = short_text(8);
    options.temperature = value;
    EXPECT_EQ(error_with(options), fmt::format("temperature is {}, expected 100 at most", value));
    options = short_text(8);
    options.top_p = value;
    EXPECT_EQ(error_with(options), fmt::format("top_p is {}, expected 0 to 1", value));
    options = short_text(8);
    options.min_p = value;
    EXPECT_EQ(error_with(options), fmt::format("min_p is {}, expected 0 to 1", value));
  }
}

// What raises no signal in its own threads is the program's to wait for.
TEST(Library, SignalsGoToTheProgram) {
  sigset_t signal, before;
  sigemptyset(&signal);
  sigaddset(&signal, SIGUSR1);
  LanguageModel model = open_model();  // whose threads begin before the signal is blocked here
  pthread_sigmask(SIG_BLOCK, &signal, &before);
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  text_of(model, "And");
  int received = 0;
  EXPECT_EQ(sigwait(&signal, &received), 0);
  EXPECT_EQ(received, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// One who waits for a model can still be ended.
TEST(Library, SignalsComeWhileAModelIsLoaded) {
  static std::atomic<pid_t> receiver = 0;
  const auto before = std::signal(SIGUSR1, [](int) { receiver = gettid(); });
  linnet_model_options options{};
  options.on_progress = [](double, void*) { kill(getpid(), SIGUSR1); };
  open_model(options);
  EXPECT_EQ(receiver, gettid());
  std::signal(SIGUSR1, before);
}

// It has none of the threads that would compute.
TEST(Library, AProcessThatWasForkedHasNoModel) {
  LanguageModel model = open_model();
  const pid_t child = fork();
  if (child == 0) {
    std::string error;
    const bool is_refused = !model.generate(
        "And", [](std::string_view) { return true; }, error);
    { const LanguageModel closed = std::move(model); }
    _exit(is_refused && error.find("fork()") != error.npos ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_NE(text_of(model, "And"), "");
}

TEST(Library, KeepsTheContext) {
  linnet_model_options small{};
  small.threads = 1;
  small.context = 64;
  LanguageModel model = open_model(small);
  EXPECT_EQ(model.context(), 64);
  EXPECT_EQ(model.vocabulary(), 2048);
  std::string error;
  const auto nothing = [](std::string_view) { return true; };
  EXPECT_FALSE(model.generate("Hear me", nothing, error, short_text(64)));
  EXPECT_THAT(error, HasSubstr("but the context holds 64"));
  std::string text;
  EXPECT_EQ(model.generate("Hear me", add_to(text), error, short_text(0)), LINNET_LENGTH) << error;
  const auto prompt = model.tokenize("Hear me", error), answer = model.tokenize(text, error, false);
  EXPECT_NEAR(static_cast<double>(prompt->size() + answer->size()), 64.0, 4.0) << text;
  std::string long_prompt;
  for (int i = 0; i < 100; ++i) long_prompt += "Hear me ";
  EXPECT_FALSE(model.generate(long_prompt, nothing, error, short_text(0)));
  EXPECT_THAT(error, HasSubstr("but the context holds 64"));
}

}  // namespace
}  // namespace linnet
