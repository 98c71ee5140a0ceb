// `linnet chat` with standard input from a pipe, and what generate's samplers do to a text, on the
// bundled model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/model_copy.hpp"
#include "support/run_program.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::kBundledModel;
using test::run_program;
using testing::ContainsRegex;
using testing::HasSubstr;
using Arguments = std::vector<std::string>;

Ended chat(const std::string& input, const Arguments& more = {}) {
  Arguments arguments = {
      "chat",   "--gguf", kBundledModel.string(), "--chat-template", "chatml", "-m", "12",
      "--temp", "0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(arguments, {.input = input});
}

TEST(Chat, ALaterTurnReusesWhatWasComputed) {
  const Ended ended = chat("Who was it that spake in the garden?\nAnd what did he say?\n/exit\n");
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_FALSE(ended.out.empty());
  EXPECT_THAT(ended.err, ContainsRegex("prompt [0-9]+ new, 0 cached"));
  EXPECT_THAT(ended.err, ContainsRegex("prompt [0-9]+ new, [1-9][0-9]* cached"));
  EXPECT_THAT(ended.err, ContainsRegex("context [0-9]+ of [0-9]+"));
}

TEST(Chat, StandardInputGoesWithThePrompt) {
  const Ended ended = chat("some text\n", {"--prompt", "Summarise"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, chat("", {"--prompt", "Summarise\n\nsome text\n"}).out);
}

TEST(Chat, AFullContextIsAnErrorOrDropsTheOldest) {
  const std::string turns = "one two three\nfour five six\nseven eight nine\n";
  const Ended refused = chat(turns, {"--ctx", "96", "--overflow", "error"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("more than the context of 96"));
  const Ended dropped = chat(turns, {"--ctx", "96"});
  EXPECT_EQ(dropped.status, 0) << dropped.err;
  EXPECT_THAT(dropped.err, HasSubstr("the model no longer sees the"));
}

TEST(Chat, NeedsATemplate) {
  const Ended ended = run_program({"chat", "--gguf", kBundledModel.string()}, {.input = "hello\n"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("the file has no chat template; --chat-template names"));
}

TEST(Chat, AnUnknownCommandIsNamed) {
  const Ended ended = chat("/nonsense\n");
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("there is no command /nonsense"));
}

nlohmann::json generated(const Arguments& more) {
  Arguments arguments = {"generate", "--gguf", kBundledModel.string(), "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return nlohmann::json::parse(run_program(arguments).out, nullptr, /*allow_exceptions=*/false);
}

TEST(GenerateOptions, AStopStringEndsTheTextAndIsNotShown) {
  const auto whole = generated({"-m", "20"})["text"].get<std::string>();
  const auto cut = generated({"-m", "20", "--stop", whole.substr(9, 7)});
  EXPECT_EQ(cut["text"], whole.substr(0, whole.find(whole.substr(9, 7))));
  EXPECT_EQ(cut["finish_reason"], "stop");
}

TEST(GenerateOptions, AGrammarIsFollowed) {
  const auto answer = generated({"-m", "20", "--grammar", "root ::= \"yes\" | \"no\""});
  EXPECT_THAT(answer["text"].get<std::string>(), testing::AnyOf("yes", "no"));
  EXPECT_EQ(answer["finish_reason"], "stop");
}

TEST(GenerateOptions, ASchemaIsFollowed) {
  const auto answer = generated(
      {"-m", "60", "--temp", "1", "--json-schema",
       R"({"type":"object","properties":{"a":{"enum":[1,2]},"b":{"type":"boolean"}},"required":["a","b"]})"});
  const auto object = nlohmann::json::parse(answer["text"].get<std::string>(), nullptr, false);
  ASSERT_TRUE(object.is_object()) << answer;
  EXPECT_TRUE(object["a"] == 1 || object["a"] == 2);
  EXPECT_TRUE(object["b"].is_boolean());
}

}  // namespace
}  // namespace linnet
