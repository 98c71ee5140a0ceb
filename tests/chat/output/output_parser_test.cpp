#include "chat/output/output_parser.hpp"

#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"
#include "support/processor_time.hpp"

namespace linnet {
namespace {

TEST(OutputParserTest, PlainText) {
  EXPECT_EQ(parse(kQwen, "Hello, a < b and <thing>\n"), "|Hello, a < b and <thing>\n");
  EXPECT_EQ(parse("", " spaced \n\n x "), "| spaced \n\n x ");
  EXPECT_EQ(parse(kQwen, ""), "");
}

TEST(OutputParserTest, Reasoning) {
  EXPECT_EQ(parse(kQwen, "<think>\nHm.\n\nYes.\n</think>\n\nAnswer."), "~Hm.\n\nYes.|Answer.");
  EXPECT_EQ(parse(kQwen, "Hm.\n</think>\n\nAnswer.", {.starts_in_reasoning = true}),
            "~Hm.|Answer.");
  EXPECT_EQ(parse(kQwen, "<think>\n\n</think>\n\nAnswer."), "|Answer.");
  EXPECT_EQ(parse(kQwen, "<think>cut off"), "~cut off");
  EXPECT_EQ(parse("[THINK]", "[THINK]a[/THINK]b"), "~a|b");
  EXPECT_EQ(parse("<|tool_call><|channel>thought\n<channel|>", "<|channel>thought\na\n<channel|>b"),
            "~a|b");
  EXPECT_EQ(parse("<|tool_call><|channel>thought\n<channel|>", "<|channel>thought<channel|>b"),
            "|b");
}

TEST(OutputParserTest, TextComesAsSoonAsItCan) {
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 1});
  EXPECT_EQ(parser->push("Hello").at(0).text, "Hello");
  EXPECT_EQ(parser->push(" <tool").size(), 0u);
  const auto events = parser->push("box>");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, " <toolbox>");
}

TEST(OutputParserTest, WithoutToolsNothingIsACall) {
  const std::string call = "<tool_call>{\"name\": \"weather\"}</tool_call>";
  EXPECT_EQ(parse(kQwen, call, {.has_tools = false}), "|" + call);
}

TEST(OutputParserTest, CallsOfToolsThatAreNotThereBecomeText) {
  const std::string unknown = "<tool_call>{\"name\": \"wether\"}</tool_call>";
  EXPECT_EQ(parse(kQwen, unknown), "!|" + unknown);
  EXPECT_EQ(parse(kQwen, unknown + "<tool_call>{\"name\": \"weather\"}</tool_call>"),
            "!|" + unknown + "#weather{}");
  EXPECT_EQ(parse("[TOOL_CALLS]", "[TOOL_CALLS]wether[ARGS]{}"), "!|[TOOL_CALLS]wether[ARGS]{}");
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 1});
  EXPECT_EQ(parser->push(unknown)[0].text,
            "a tool call of the model cannot be understood (there is no tool with the name wether) "
            "and is shown as text");
}

TEST(OutputParserTest, NothingComesBehindTheOnlyCall) {
  const std::string call = "<tool_call>{\"name\": \"weather\"}</tool_call>";
  for (const std::string& answer :
       {"A " + call + call + " B", call + "<tool_call>broken</tool_call>",
        call + " <think>a</think>B\n"}) {
    auto parser =
        make_output_parser(detect_output_format(kQwen), {.tools = tools(), .ends_with_call = true});
    std::vector<OutputEvent> events = parser->push(answer);
    for (OutputEvent& event : parser->finish()) events.push_back(std::move(event));
    ASSERT_FALSE(events.empty());
    EXPECT_TRUE(parser->is_over()) << answer;
    EXPECT_EQ(events.size(), answer[0] == 'A' ? 2u : 1u) << answer;
    EXPECT_EQ(events.back().kind, OutputEvent::Kind::kToolCall) << answer;
  }
}

// A model may repeat a marker to the end of its context, and the answer may come as one.
TEST(OutputParserTest, ManyMarkersTakeLinearTime) {
  const auto repeated = [](std::string_view text) {
    std::string all;
    for (int i = 0; i < 100'000; ++i) all += text;
    return all;
  };
  const double begin_s = test::processor_time_s();
  const ParseOptions options;
  EXPECT_EQ(parse_in_steps(kQwen, repeated("</think>"), 1 << 20, options), "");
  const std::string_view harmony = "<|start|><|channel|><|message|>";
  EXPECT_EQ(parse_in_steps(harmony, repeated("<|message|><|end|>"), 1 << 21, options), "");
  EXPECT_NE(parse_in_steps(harmony, repeated(" to=f<|message|>\\\"<|end|>"), 1 << 21, options), "");
  EXPECT_LT(test::processor_time_s() - begin_s, 20);
}

}  // namespace
}  // namespace linnet
