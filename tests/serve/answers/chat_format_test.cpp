#include <gtest/gtest.h>

#include "generate/loading/model_file.hpp"
#include "serve/answers/formats.hpp"
#include "support/paths.hpp"

namespace linnet::serve {
namespace {

// Log probabilities in the events of a stream.
std::size_t count_logprobs(std::string events) {
  std::size_t count = 0;
  constexpr std::string_view kData = "data: ";
  while (events.starts_with(kData)) {
    const std::size_t end = events.find("\n\n");
    const Json event = Json::parse(events.substr(kData.size(), end - kData.size()));
    const Json& logprobs = event["choices"][0]["logprobs"];
    if (logprobs.is_object()) count += logprobs["content"].size();
    events.erase(0, end + 2);
  }
  return count;
}

TEST(ChatFormat, LogprobsDoNotPileUpWhereNoTextComes) {
  const auto file = ModelFile::open(test::kBundledModel);
  ASSERT_TRUE(file);
  const AnswerHead head{.id = "a", .model = "m", .has_logprobs = true, .keeps_logprobs = false};
  const auto format = make_chat_format(head, *(*file)->tokenizer(), 1, {});
  const std::vector<TokenLogprobs> of_a_step(100, {{1, -0.5}, {{1, -0.5}}});
  std::size_t given = count_logprobs(format->open());
  for (int step = 1; step <= 10; ++step) {
    given += count_logprobs(format->add(0, {std::nullopt, "", of_a_step, {}}));
    EXPECT_GE(given + 256, step * of_a_step.size());
  }
  EXPECT_EQ(given + count_logprobs(format->close(0, {FinishReason::kLength, ""})), 1000u);
}

// As JSON they are large, and many may come at once.
TEST(ChatFormat, LogprobsOfAWholeAnswerAreWrittenOnce) {
  const auto file = ModelFile::open(test::kBundledModel);
  ASSERT_TRUE(file);
  const AnswerHead head{.id = "a", .model = "m", .has_logprobs = true};
  const auto format = make_chat_format(head, *(*file)->tokenizer(), 1, {});
  const std::vector<TokenLogprobs> logprobs(3, {{1, -0.5}, {{1, -0.5}}});
  std::string events = format->open();
  for (const char* const text : {"one", "", "two"}) {
    events += format->add(0, {std::nullopt, text, logprobs, {}});
  }
  events += format->close(0, {FinishReason::kStop, ""});
  EXPECT_EQ(count_logprobs(events), 0u);
  const Json choice = format->whole({})["choices"][0];
  EXPECT_EQ(choice["message"]["content"], "onetwo");
  EXPECT_EQ(choice["logprobs"]["content"].size(), 9u);
}

}  // namespace
}  // namespace linnet::serve
