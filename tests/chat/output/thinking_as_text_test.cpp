#include "chat/output/thinking_as_text.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

constexpr std::string_view kQwen = "<think></think><tool_call>{\"name\": \"f\"}</tool_call>";
constexpr std::string_view kHarmony = "<|start|><|channel|><|message|>";

// The text of an answer, calls as #name, however it is cut into pieces.
std::string shown(std::string_view source, std::string_view answer, bool starts_inside = false) {
  OutputOptions options;
  options.tools =
      nlohmann::ordered_json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
  options.starts_in_reasoning = starts_inside;
  options.thinking_is_text = true;
  std::vector<std::string> texts;
  for (const std::size_t step : {answer.size() + 1, std::size_t{1}, std::size_t{5}}) {
    const auto parser = make_output_parser(detect_output_format(source), options);
    std::string& text = texts.emplace_back();
    const auto add = [&](const std::vector<OutputEvent>& events) {
      for (const OutputEvent& event : events) {
        EXPECT_NE(event.kind, OutputEvent::Kind::kReasoning);
        text += event.kind == OutputEvent::Kind::kToolCall ? "#" + event.call.name : event.text;
      }
    };
    for (std::size_t at = 0; at < answer.size(); at += step) {
      add(parser->push(answer.substr(at, step)));
    }
    add(parser->finish());
    EXPECT_EQ(text, texts.front()) << step;
  }
  return texts.front();
}

TEST(ThinkingAsText, StandsBetweenItsMarks) {
  EXPECT_EQ(shown(kQwen, "<think>\nhm\n</think>\n\nYes."), "<think>\nhm\n</think>\n\nYes.");
  EXPECT_EQ(shown(kQwen, "hm</think>Yes.", /*starts_inside=*/true),
            "<think>\nhm\n</think>\n\nYes.");
  EXPECT_EQ(shown(kQwen, "Yes."), "Yes.");
}

TEST(ThinkingAsText, EndsBeforeACall) {
  EXPECT_EQ(shown(kQwen, "<think>hm</think><tool_call>{\"name\": \"f\"}</tool_call>"),
            "<think>\nhm\n</think>\n\n#f");
}

TEST(ThinkingAsText, WhatALimitCutsHasNoEnd) {
  EXPECT_EQ(shown(kQwen, "<think>hm, what"), "<think>\nhm, what");
}

// Whose marks are headers of messages.
TEST(ThinkingAsText, OfGptOssHasTheUsualMarks) {
  EXPECT_EQ(shown(kHarmony,
                  "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final"
                  "<|message|>Yes."),
            "<think>\nhm\n</think>\n\nYes.");
}

}  // namespace
}  // namespace linnet
