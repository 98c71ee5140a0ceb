#include "chat/output/marked_parser.hpp"

#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

TEST(MarkedParserTest, BrokenCallsBecomeText) {
  EXPECT_EQ(parse(kQwen, "<tool_call>{\"name\": \"wea</tool_call> ok"),
            "!|<tool_call>{\"name\": \"wea</tool_call> ok");
  EXPECT_EQ(parse(kQwen, "a <tool_call>{\"name\": 3}</tool_call>"),
            "|a!| <tool_call>{\"name\": 3}</tool_call>");
  EXPECT_EQ(parse(kQwen, "<tool_call>{\"name\": \"weather\", \"arguments\": [1]}</tool_call>"),
            "!|<tool_call>{\"name\": \"weather\", \"arguments\": [1]}</tool_call>");
  const std::string deep =
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"a\": " + std::string(100000, '[') +
      "</tool_call>";
  EXPECT_EQ(parse_in_steps(kQwen, deep, deep.size(), {}), "!|" + deep);
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 1});
  EXPECT_EQ(parser->push("<tool_call>{}</tool_call>")[0].text,
            "a tool call of the model cannot be understood (it has no name) and is shown as text");
}

// What seemed to be a value with an end in it may be none: then calls behind it are calls.
TEST(MarkedParserTest, CallsBehindABrokenOneAreRead) {
  const std::string hidden =
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"a\": \"</tool_call>\"}}</tool_call>";
  const std::string good = "<tool_call>{\"name\": \"weather\"}</tool_call>";
  for (const std::string broken :
       {"<tool_call>{\"name\": \"wea</tool_call>", "<tool_call>{\"name\": \"wea\n</tool_call>",
        "<tool_call><function=f><parameter=a>x</function></tool_call>",
        "<tool_call>f<arg_key>a</arg_key><arg_value>x</tool_call>"}) {
    EXPECT_EQ(parse(kQwen, broken + good + " ok"), "!|" + broken + "#weather{}| ok");
    EXPECT_EQ(parse(kQwen, broken + "\n" + good + good), "!|" + broken + "#weather{}#weather{}");
  }
  const std::string broken = "<tool_call>{\"name\": \"wea</tool_call>";
  EXPECT_EQ(parse(kQwen, broken + "\n" + hidden),
            "!|" + broken + R"(#weather{"a":"</tool_call>"})");
  EXPECT_EQ(parse(kQwen, "<tool_call>{\"name\": \"wea\n</tool_call> and more"),
            "!|<tool_call>{\"name\": \"wea\n</tool_call> and more");
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 1});
  EXPECT_EQ(parser->push("<tool_call>{\"name\": \"wea\n</tool_call>").size(), 2u)
      << "a string of JSON has no line breaks, so that nothing is waited for";
}

constexpr std::string_view kQwen35 = "<think></think><tool_call><function=<parameter=";

TEST(MarkedParserTest, OtherModelsOnlyThinkOfCalls) {
  EXPECT_EQ(parse(kQwen, "<think><tool_call>{\"name\": \"f\"}</tool_call>, hm</think>No."),
            "~<tool_call>{\"name\": \"f\"}</tool_call>, hm|No.");
}

// Qwen 3.5 and others forget to end their thinking before they call.
TEST(MarkedParserTest, ACallEndsThinkingThatHasNoEnd) {
  const std::string call = R"(<tool_call>{"name": "weather", "arguments": {"city": "</think>"}})";
  const std::string called = R"(#weather{"city":"</think>"})";
  const ParseOptions inside{.starts_in_reasoning = true};
  EXPECT_EQ(parse(kQwen35, "I look.\n" + call + "</tool_call>", inside), "~I look." + called);
  EXPECT_EQ(parse(kQwen35, "I look.\n" + call, inside), "~I look." + called)
      << "its end is cut off";
  EXPECT_EQ(parse(kQwen35, "<think>Hm " + call + "</tool_call>\n" + call + "</tool_call> so"),
            "~Hm" + called + called + "|so");
  EXPECT_EQ(parse(kQwen35, call + "</tool_call></think>\n\nDone", inside), called + "|Done");
  EXPECT_EQ(parse("<think></think><|tool_calls_section_begin|>",
                  "Hm<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
                  "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
                  inside),
            "~Hm#f{}");
  EXPECT_EQ(parse(kQwen35, "Hm " + call + "</tool_call>",
                  {.starts_in_reasoning = true, .has_tools = false}),
            "~Hm " + call.substr(0, call.find("</think>")) + "|\"}}</tool_call>");
}

std::string thought_so_far(std::string_view text) {
  auto parser = make_output_parser(detect_output_format(kQwen35),
                                   {.tools = tools(), .starts_in_reasoning = true, .id_seed = 1});
  OutputEvent::Kind last = OutputEvent::Kind::kWarning;
  return shown(parser->push(text), last);
}

// Nothing is held back for longer than it may be a call.
TEST(MarkedParserTest, AMentionOfCallsDoesNotHoldUpTheThinking) {
  EXPECT_EQ(thought_so_far("Shall I use <tool_call>"), "~Shall I use");
  EXPECT_EQ(thought_so_far("Shall I use <tool_call> f"), "~Shall I use");
  EXPECT_EQ(thought_so_far("Shall I use <tool_call> for it"), "~Shall I use <tool_call> for it");
  EXPECT_EQ(thought_so_far("<tool_call>\n<function=weather>\n<par"), "");
  EXPECT_EQ(thought_so_far("<tool_call>\n<function=water>"), "~<tool_call>\n<function=water>");
  EXPECT_EQ(thought_so_far("<tool_call>" + std::string(2000, ' ')), "~<tool_call>");
}

// The grammar takes everything else for thinking.
TEST(MarkedParserTest, HeldCallsEndThinkingWhereTheyBeginAsTheirFormDoes) {
  const CallForm form{
      .begin = "<tool_call>\n<function=", .end = "\n</function>\n</tool_call>", .middle = ">\n"};
  const auto parse_held = [&](std::string_view answer) {
    std::string first;
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, answer.size()}) {
      auto parser = make_output_parser(detect_output_format(kQwen35), {.tools = tools(),
                                                                       .starts_in_reasoning = true,
                                                                       .id_seed = 1,
                                                                       .held_calls = &form,
                                                                       .whole_calls = true});
      OutputEvent::Kind last = OutputEvent::Kind::kWarning;
      std::string text;
      for (std::size_t at = 0; at < answer.size(); at += step) {
        text += shown(parser->push(answer.substr(at, step)), last);
      }
      text += shown(parser->finish(), last);
      if (first.empty()) first = text;
      EXPECT_EQ(text, first) << step;
    }
    return first;
  };
  const std::string call = "<tool_call>\n<function=f>\n{}\n</function>\n</tool_call>";
  EXPECT_EQ(parse_held("Hm " + call), "~Hm#f{}");
  EXPECT_EQ(parse_held("In <tool_call>, then " + call), "~In <tool_call>, then#f{}");
  const std::string other = "<tool_call><function=f></function></tool_call>";
  EXPECT_EQ(parse_held(other + " " + call), "~" + other + "#f{}");
  EXPECT_EQ(parse_held(other + "</think>No."), "~" + other + "|No.");
  EXPECT_EQ(parse_held("<tool_call>\n<fun"), "~<tool_call>\n<fun");
}

// Granite and others write no end of their calls, which go on to the end of the answer.
TEST(MarkedParserTest, TextMayFollowCallsWithoutAnEnd) {
  EXPECT_EQ(parse("<|tool_call|>", "<|tool_call|>[{\"name\": \"f\"}]\nI wait."), "#f{}|I wait.");
  EXPECT_EQ(parse("<|tool_call|>",
                  "So: <|tool_call|>[{\"name\": \"f\"}]\n<|tool_call|>"
                  "[{\"name\": \"weather\"}, {\"name\": \"f\"}] end"),
            "|So:#f{}#weather{}#f{}| \n end");
  EXPECT_EQ(parse("<|function_call|>",
                  "<|function_call|>{\"name\": \"f\"}\n<|function_call|>"
                  "{\"name\": \"weather\"}"),
            "#f{}#weather{}");
  EXPECT_EQ(
      parse("[TOOL_CALLS]", "[TOOL_CALLS][{\"name\": \"f\"}]\n[TOOL_CALLS]weather[ARGS]{} so"),
      "#f{}#weather{}|so");
  EXPECT_EQ(parse(kQwen, "<tool_call>{\"name\": \"f\"}\nI wait."), "#f{}|I wait.");
  EXPECT_EQ(parse("<|tool_call|>", "<|tool_call|>[{\"name\": \"none\"}] end"),
            "!|<|tool_call|>[{\"name\": \"none\"}] end");
}

TEST(MarkedParserTest, Ling3CallsInItsThinking) {
  constexpr std::string_view kLing = "<role>ASSISTANT</role><think></think><tool_call><arg_key>";
  const std::string call =
      "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n</tool_call>";
  const ParseOptions inside{.starts_in_reasoning = true};
  EXPECT_EQ(parse(kLing, "I look.\n" + call, inside), R"(~I look.#weather{"city":"Rome"})");
  EXPECT_EQ(parse(kLing, call + "\nSo.<|role_end|>", inside), R"(#weather{"city":"Rome"}|So.)");
  EXPECT_EQ(parse(kLing, "<tool_call>weather is mine</think>No.", inside),
            "~<tool_call>weather is mine|No.");
}

TEST(MarkedParserTest, WhatStandsAroundTheAnswerBehindThinkingDoesNotShow) {
  constexpr std::string_view kGranite = "<think></think><response></response><|tool_call|>";
  EXPECT_EQ(parse(kGranite, "<think>Hm</think>\n<response>It is 3 < 4.</response>"),
            "~Hm|It is 3 < 4.");
  EXPECT_EQ(parse(kGranite, "<response>x</response>"), "|<response>x</response>")
      << "it was not asked to think, so that this is the answer";
  constexpr std::string_view kApriel = "Here are my reasoning steps:\n<tool_calls>[";
  EXPECT_EQ(parse(kApriel, "I see\n[BEGIN FINAL RESPONSE]\nYes.", {.starts_in_reasoning = true}),
            "~I see|Yes.");
  EXPECT_EQ(parse(kApriel, "[BEGIN FINAL RESPONSE]\n<tool_calls>[{\"name\": \"f\"}]</tool_calls>",
                  {.starts_in_reasoning = true}),
            "#f{}");
}

TEST(MarkedParserTest, ADoubledBeginOfThinkingDoesNotShow) {
  constexpr std::string_view kGemma = "<|tool_call><|channel>thought";
  EXPECT_EQ(parse(kGemma, "<|channel><|channel>thought\nHm<channel|>Yes."), "~Hm|Yes.");
  EXPECT_EQ(parse(kGemma, "<|channel><|channel>thought\n<channel|>Yes.<|channel>"), "|Yes.");
  EXPECT_EQ(parse(kGemma, "<|channel>thought\nHm<channel|>Yes"), "~Hm|Yes");
}

TEST(MarkedParserTest, CommandRPlusCallsInABlockOfCode) {
  constexpr std::string_view kPlus = "followed by a json-formatted list of actions";
  for (const std::string space : {"\n", " "}) {
    EXPECT_EQ(parse(kPlus, "Action:" + space +
                               "```json\n[{\"tool_name\": \"weather\", "
                               "\"parameters\": {\"city\": \"```\"}}]\n```"),
              R"(#weather{"city":"```"})");
  }
  EXPECT_EQ(parse(kPlus, "Action: none. ```json\n{}\n```"), "|Action: none. ```json\n{}\n```");
}

TEST(MarkedParserTest, ArgumentsOfHeldCallsInTheThinkingComeWhileTheyAreWritten) {
  const CallForm form{.begin = "<tool_call>\n{\"name\": \"",
                      .end = "}\n</tool_call>",
                      .middle = "\", \"arguments\": "};
  auto parser = make_output_parser(
      detect_output_format(kQwen35),
      {.tools = tools(), .starts_in_reasoning = true, .id_seed = 1, .held_calls = &form});
  const auto events =
      parser->push("Hm <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Ro");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, OutputEvent::Kind::kReasoning);
  EXPECT_EQ(events[1].kind, OutputEvent::Kind::kCallBegin);
  EXPECT_EQ(events[2].kind, OutputEvent::Kind::kCallArguments);
}

TEST(MarkedParserTest, ThinkingThatMentionsCallsGoesOn) {
  const ParseOptions inside{.starts_in_reasoning = true};
  const std::string call = R"(<tool_call>{"name": "f"}</tool_call>)";
  for (const std::string thought :
       {"Shall I use <tool_call>, or not?", "With <tool_call>\n<function=other> or",
        "So <function= it is, and <tool_call>\nfast", "<tool_call>\n<function=f> is called",
        "In <tool_call>...</tool_call> they stand. So be it.",
        "A \" in <tool_call> \"a\nb </tool_call> is none", "<tool_call><parameter=a> it is",
        R"(<tool_call>{"name": "other"}</tool_call> is no tool)"}) {
    EXPECT_EQ(parse(kQwen35, thought, inside), "~" + thought);
    EXPECT_EQ(parse(kQwen35, thought + "</think>\nDone", inside), "~" + thought + "|Done");
    EXPECT_EQ(parse(kQwen35, thought + "</think>\n" + call, inside), "~" + thought + "#f{}");
    EXPECT_EQ(parse(kQwen35, thought + " " + call, inside), "~" + thought + "#f{}");
  }
}

}  // namespace
}  // namespace linnet
