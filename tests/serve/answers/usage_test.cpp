#include <gtest/gtest.h>

#include "generate/loading/model_file.hpp"
#include "serve/answers/formats.hpp"
#include "support/bundled_model.hpp"

namespace linnet::serve {
namespace {

TEST(Usage, TheTimeOfAnAnswerIsThePromptsAndTheTexts) {
  const Usage usage{.completion_tokens = 3, .queue_s = 0.5, .first_token_s = 1.5, .total_s = 4.0};
  EXPECT_EQ(usage.prompt_s(), 1.0);
  EXPECT_EQ(usage.generation_s(), 2.5);
}

// An answer may be the end-of-generation token alone.
TEST(Usage, OfAnAnswerWithoutTokensAllTimeIsThePrompts) {
  const Usage usage{.prompt_tokens = 4, .queue_s = 0.5, .total_s = 2.0};
  const auto file = ModelFile::open(test::kBundledModel);
  ASSERT_TRUE(file) << file.error().message;
  const Json llama =
      make_llama_format({}, *(*file)->tokenizer(), {.prompts = {""}})->whole(usage)["timings"];
  EXPECT_EQ(llama["prompt_ms"], 1500.0);
  EXPECT_EQ(llama["predicted_ms"], 0.0);
  const Json ollama =
      make_ollama_format({}, *(*file)->tokenizer(), std::nullopt, /*is_chat=*/true)->whole(usage);
  EXPECT_EQ(ollama["prompt_eval_duration"], 1'500'000'000);
  EXPECT_EQ(ollama["eval_duration"], 0);
}

}  // namespace
}  // namespace linnet::serve
