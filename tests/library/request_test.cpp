// Conversations, vectors and whatever else the server's API has, through the library.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/adapter_file.hpp"
#include "support/library_model.hpp"
#include "support/scripted_model.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using nlohmann::json;
using test::add_to;
using test::open_model;
using test::short_text;
using testing::HasSubstr;

const json kCompletion = {{"prompt", "In the beginning"}, {"max_tokens", 8}, {"temperature", 0}};

json reply_to(LanguageModel& model, const std::string& path, const json& body, int status = 200) {
  std::string error;
  const auto reply =
      model.request(path, body.is_null() ? std::nullopt : std::optional(body.dump()), error);
  EXPECT_TRUE(reply) << error;
  EXPECT_EQ(reply->http_status, status) << reply->body;
  return json::parse(reply->body);
}

std::string completed(LanguageModel& model, json body = kCompletion) {
  return reply_to(model, "/v1/completions", body)["choices"][0]["text"];
}

// The parts of a stream's events that `pointer` finds, one behind the other.
std::string streamed(LanguageModel& model, const std::string& path, json body,
                     const std::string& pointer) {
  body["stream"] = true;
  std::string text, error;
  const auto take = [&](std::string_view event) {
    const json part = json::parse(event).value(json::json_pointer(pointer), json());
    if (part.is_string()) text += part.get<std::string>();
    return true;
  };
  const auto reply = model.request(path, body.dump(), error, take);
  EXPECT_TRUE(reply) << error;
  EXPECT_EQ(reply->body, "");
  return text;
}

TEST(LibraryRequest, IsAnsweredAsByTheServer) {
  LanguageModel model = open_model();
  std::string text, error;
  ASSERT_EQ(model.generate("In the beginning", add_to(text), error, short_text(8)), LINNET_LENGTH);
  EXPECT_EQ(completed(model), text);
  json other_model = kCompletion;
  other_model["model"] = "gpt-of-somebody";
  EXPECT_EQ(completed(model, other_model), text);
  EXPECT_EQ(reply_to(model, "/v1/models", nullptr)["data"].size(), 1u);
  EXPECT_THAT(reply_to(model, "/nowhere", nullptr, 404)["error"]["message"].get<std::string>(),
              HasSubstr("/nowhere"));
  EXPECT_THAT(reply_to(model, "/v1/completions", {{"prompt", 1.5}}, 400).dump(),
              HasSubstr("prompt"));
  const auto no_json = model.request("/v1/completions", "{", error);
  ASSERT_TRUE(no_json) << error;
  EXPECT_EQ(no_json->http_status, 400);
}

TEST(LibraryRequest, AnswersComeAsEvents) {
  LanguageModel model = open_model();
  const std::string text = completed(model);
  EXPECT_EQ(streamed(model, "/v1/completions", kCompletion, "/choices/0/text"), text);
  const json ollama = {{"prompt", "In the beginning"},
                       {"raw", true},
                       {"options", {{"num_predict", 8}, {"temperature", 0}}}};
  EXPECT_EQ(streamed(model, "/api/generate", ollama, "/response"), text);
}

TEST(LibraryRequest, EventsNeedSomebodyWhoTakesThem) {
  LanguageModel model = open_model();
  json body = kCompletion;
  body["stream"] = true;
  std::string error;
  EXPECT_FALSE(model.request("/v1/completions", body.dump(), error));
  EXPECT_EQ(error, "the answer is streamed, but on_event is NULL");
  int events = 0;
  const auto take_two = [&](std::string_view) { return ++events < 2; };
  EXPECT_TRUE(model.request("/v1/completions", body.dump(), error, take_two));
  EXPECT_EQ(events, 2);
  const auto fail = [](std::string_view) -> bool { throw std::runtime_error("enough"); };
  EXPECT_FALSE(model.request("/v1/completions", body.dump(), error, fail));
  EXPECT_EQ(error, "enough");
  EXPECT_NE(completed(model), "");
}

TEST(LibraryRequest, AConversation) {
  linnet_model_options options{};
  options.chat_template = "chatml";
  LanguageModel model = open_model(options);
  std::string text, error;
  const std::vector<LanguageModel::Message> messages = {
      {"system", "Be brief."}, {"user", "Who are you?"}, {"assistant", "I."}, {"user", "Why?"}};
  ASSERT_EQ(model.chat(messages, add_to(text), error, short_text(8)), LINNET_LENGTH) << error;
  json body = {{"messages", json::array()}, {"max_tokens", 8}, {"temperature", 0}};
  for (const auto& [role, said] : messages) {
    body["messages"].push_back({{"role", role}, {"content", said}});
  }
  const json reply = reply_to(model, "/v1/chat/completions", body);
  EXPECT_EQ(reply["choices"][0]["message"]["content"], text);
  int calls = 0;
  const auto stop = [&](std::string_view piece) {
    EXPECT_EQ(piece, "");
    return ++calls < 1;
  };
  EXPECT_EQ(model.chat(messages, stop, error), LINNET_CANCELLED) << "before there is any text";
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(model.chat({{"user", std::string("a\0b", 3)}}, add_to(text), error));
  EXPECT_THAT(error, HasSubstr("NUL"));
  EXPECT_FALSE(model.chat({}, add_to(text), error));
  EXPECT_THAT(error, HasSubstr("messages"));
  LanguageModel without = open_model();
  EXPECT_FALSE(without.chat(messages, add_to(text), error));
  EXPECT_THAT(error, HasSubstr("chat template"));
}

TEST(LibraryRequest, ThinkingIsNotPartOfAnAnswer) {
  const test::TemporaryFolder folder;
  const auto path = folder / "scripted.gguf";
  const test::ScriptedModel script{{"<think>", "hm", "</think>", "yes"}};
  ASSERT_TRUE(script.write(path));
  LanguageModel model = open_model({}, path);
  std::string text, error;
  EXPECT_EQ(model.chat({{"user", "Is it?"}}, add_to(text), error, short_text(0)), LINNET_STOP)
      << error;
  EXPECT_EQ(text, "yes");
}

TEST(LibraryRequest, VectorsOfTexts) {
  LanguageModel model = open_model();
  std::string error;
  const auto vector = model.embed("In the beginning", error);
  ASSERT_TRUE(vector) << error;
  EXPECT_NEAR(std::inner_product(vector->begin(), vector->end(), vector->begin(), 0.0), 1.0, 1e-5);
  const json reply = reply_to(model, "/v1/embeddings", {{"input", "In the beginning"}});
  EXPECT_EQ(reply["data"][0]["embedding"].get<std::vector<float>>(), *vector);
  EXPECT_NE(model.embed("And", error), vector);
  EXPECT_FALSE(model.embed(std::string(1 << 20, 'a'), error));
  EXPECT_THAT(error, HasSubstr("context holds"));
  EXPECT_FALSE(model.embed("\xff", error));
  EXPECT_THAT(error, HasSubstr("UTF-8"));
}

TEST(LibraryRequest, AnAdapterChangesTheText) {
  const test::TemporaryFolder folder;
  const auto path = folder / "adapter.gguf";
  const auto file = gguf::File::open(test::kBundledModel);
  ASSERT_TRUE(file);
  test::AdapterFile{.tensors = {"blk.0.attn_q.weight", "blk.0.ffn_up.weight"}, .alpha = 100}.write(
      path, *file);
  const linnet_adapter one{path.c_str(), 1.0f}, none{path.c_str(), 0.0f};
  linnet_model_options options{};
  LanguageModel plain = open_model();
  options.adapters = &one;
  options.adapter_count = 1;
  LanguageModel changed = open_model(options);
  options.adapters = &none;
  LanguageModel unchanged = open_model(options);
  std::string error;
  EXPECT_EQ(completed(unchanged), completed(plain));
  EXPECT_NE(changed.embed("And", error), plain.embed("And", error));
}

TEST(LibraryRequest, SpeculationGivesTheSameText) {
  json body = kCompletion;
  body["max_tokens"] = 64;
  LanguageModel plain = open_model();
  linnet_model_options options{};
  options.speculate = 1;
  LanguageModel guessing = open_model(options);
  options = {};
  const std::string draft = test::kBundledModel;
  options.draft_model = draft.c_str();
  LanguageModel drafting = open_model(options);
  const std::string text = completed(plain, body);
  EXPECT_EQ(completed(guessing, body), text);
  EXPECT_EQ(completed(drafting, body), text);
}

TEST(LibraryRequest, WhatWasComputedIsKept) {
  const test::TemporaryFolder folder;
  const std::string kept = folder / "kept";
  linnet_model_options options{};
  options.cache_folder = kept.c_str();
  json body = kCompletion;
  for (int i = 0; i < 20; ++i)
    body["prompt"] = body["prompt"].get<std::string>() + " and the earth";
  const auto cached = [&] {
    LanguageModel model = open_model(options);
    const json usage = reply_to(model, "/v1/completions", body)["usage"];
    return usage["prompt_tokens_details"]["cached_tokens"].get<int>();
  };
  EXPECT_EQ(cached(), 0);
  EXPECT_GT(cached(), 20);
}

TEST(LibraryRequest, LoadingTellsHowFarItIs) {
  std::vector<double> shares;
  linnet_model_options options{};
  options.user = &shares;
  options.on_progress = [](double share, void* user) {
    static_cast<std::vector<double>*>(user)->push_back(share);
  };
  const LanguageModel model = open_model(options);
  ASSERT_FALSE(shares.empty());
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_GE(shares.front(), 0.0);
  EXPECT_EQ(shares.back(), 1.0);
}

TEST(LibraryRequest, AFileThatWasChangedIsAnError) {
  const test::TemporaryFolder folder;
  const auto path = folder / "model.gguf";
  std::filesystem::copy_file(test::kBundledModel, path);
  LanguageModel model = open_model({}, path);
  EXPECT_NE(completed(model), "");
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  std::string error;
  EXPECT_FALSE(model.request("/v1/completions", kCompletion.dump(), error));
  EXPECT_THAT(error, HasSubstr("changed"));
}

}  // namespace
}  // namespace linnet
