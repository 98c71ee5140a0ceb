#include <gtest/gtest.h>

#include "chat/output/call_form.hpp"
#include "generate/loading/model_file.hpp"
#include "serve/answers/formats.hpp"
#include "support/bundled_model.hpp"

namespace linnet::serve {
namespace {

// There are no pieces of an object.
TEST(OllamaFormat, HeldCallsComeWhole) {
  const CallForm form{
      .begin = "<tool_call>{\"name\": \"", .end = "}</tool_call>", .middle = "\", \"arguments\": "};
  const AnswerParsing parsing{
      detect_output_format("<tool_call>"),
      {.tools = Json::parse(R"([{"function": {"name": "f"}}])"), .held_calls = &form}};
  const auto file = ModelFile::open(test::kBundledModel);
  ASSERT_TRUE(file) << file.error().message;
  const auto format = make_ollama_format({}, *(*file)->tokenizer(), parsing, /*is_chat=*/true);
  std::string lines;
  for (const char* const text :
       {"<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ", "1}", "}</tool_call>"}) {
    lines += format->add(0, {.progress = {}, .text = text, .logprobs = {}, .prompt_logprobs = {}});
  }
  const Json call = Json::parse(lines)["message"]["tool_calls"][0];  // of the only line
  EXPECT_EQ(call["function"], Json({{"name", "f"}, {"arguments", {{"a", 1}}}}));
}

}  // namespace
}  // namespace linnet::serve
