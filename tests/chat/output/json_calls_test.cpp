#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

TEST(JsonCalls, Firefunction) {
  constexpr std::string_view kSign = "functools[";
  EXPECT_EQ(parse(kSign,
                  "I look. functools[{\"name\": \"weather\", \"arguments\": {\"city\": \"x\"}}, "
                  "{\"name\": \"f\", \"arguments\": {}}]"),
            R"(|I look.#weather{"city":"x"}#f{})");
  EXPECT_EQ(parse(kSign, "import functools\nfunctools.wraps"),
            "|import functools\nfunctools.wraps");
  EXPECT_EQ(parse(kSign, "functools[{\"name\": "), "!|functools[{\"name\": ");
}

TEST(JsonCalls, TheListOfFirefunctionEndsItsCalls) {
  constexpr std::string_view kSign = "functools[";
  const std::string calls =
      "functools[{\"name\": \"weather\", \"arguments\": {\"city\": \"]}\", \"days\": [[1], 2]}}]";
  const std::string shown = R"(#weather{"city":"]}","days":[[1],2]})";
  EXPECT_EQ(parse(kSign, calls + " Now I wait."), shown + "|Now I wait.");
  EXPECT_EQ(parse(kSign, calls + "\n" + calls), shown + shown);
  EXPECT_EQ(parse(kSign, "functools[0] is one."), "!|functools[0] is one.");
  EXPECT_EQ(parse(kSign, "functools[{0] is one."), "!|functools[{0] is one.");
  auto parser = make_output_parser(detect_output_format(kSign), {.tools = tools()});
  EXPECT_EQ(parser->push(calls).size(), 1u);
}

TEST(JsonCalls, Mistral) {
  constexpr std::string_view kMistral = "[TOOL_CALLS]";
  EXPECT_EQ(parse(kMistral,
                  "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"x\"}, "
                  "\"id\": \"abcdefghi\"}]"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse(kMistral,
                  "Hm.[TOOL_CALLS]weather[CALL_ID]abc[ARGS]{\"city\": \"x\"}"
                  "[TOOL_CALLS]python[ARGS]{}"),
            R"(|Hm.#weather{"city":"x"}#python{})");
  EXPECT_EQ(parse(kMistral, "[TOOL_CALLS]weather{"), "!|[TOOL_CALLS]weather{");
}

TEST(JsonCalls, DeepSeek) {
  constexpr std::string_view kSource = "<think><｜tool▁calls▁begin｜>";
  EXPECT_EQ(
      parse(kSource,
            "a</think>b<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n"
            "```json\n{\"city\": \"x\"}\n```<｜tool▁call▁end｜><｜tool▁call▁begin｜>python"
            "<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            {.starts_in_reasoning = true}),
      R"(~a|b#weather{"city":"x"}#python{})");
}

TEST(JsonCalls, Kimi) {
  EXPECT_EQ(parse("<|tool_calls_section_begin|>",
                  "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0"
                  "<|tool_call_argument_begin|>{\"city\": \"x\"}<|tool_call_end|>"
                  "<|tool_calls_section_end|>"),
            R"(#weather{"city":"x"})");
}

// K2 may leave out the markers of the section, and those that end a call.
TEST(JsonCalls, KimiWithoutSomeMarkers) {
  constexpr std::string_view kSign = "<think></think><|tool_calls_section_begin|>";
  const std::string weather =
      "<|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>{\"city\": \"x\"}";
  const std::string f = "<|tool_call_begin|>functions.f:1<|tool_call_argument_begin|>{}";
  const std::string end = "<|tool_call_end|>", both = R"(#weather{"city":"x"}#f{})";
  EXPECT_EQ(parse(kSign, weather + end + f + end), both);
  EXPECT_EQ(parse(kSign, weather + end + f + end + "<|tool_calls_section_end|>"), both);
  EXPECT_EQ(parse(kSign, "Look: " + weather + f), "|Look:" + both);
  EXPECT_EQ(parse(kSign, "Look: " + weather + f, {.starts_in_reasoning = true}), "~Look:" + both);
  const std::string cut = f.substr(0, f.size() - 2);
  EXPECT_EQ(parse(kSign, cut), "!|" + cut) << "its arguments may be missing";
}

TEST(JsonCalls, GigaChat3) {
  constexpr std::string_view kSign = "<|role_sep|>{'role': 'function call'}";
  const std::string call = "function call<|role_sep|>\n{\"name\": \"f\", \"arguments\": {}}";
  EXPECT_EQ(parse(kSign, "<|message_sep|>\n\n" + call), "#f{}");
  EXPECT_EQ(parse(kSign, "I look.<|message_sep|>\n\n" + call + "<|message_sep|>\n\n"),
            "|I look.#f{}");
  EXPECT_EQ(parse(kSign, "A function call is a call."), "|A function call is a call.");
}

TEST(JsonCalls, SolarOpen) {
  constexpr std::string_view kSign = "<|tool_call:begin|>";
  EXPECT_EQ(
      parse(kSign,
            "<|think|>hm<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>a1<|tool_call:"
            "name|>weather<|tool_call:args|>{\"days\": 2}<|tool_call:end|><|calls|>"),
      R"(~hm#weather{"days":2})");
  EXPECT_EQ(
      parse(kSign,
            "<|think|>hm<|end|><|begin|>assistant<|tool_calls|><|tool_call:begin|>a1<|tool_call:"
            "name|>weather<|tool_call:args|>{\"days\": 2}<|tool_call:end|>"),
      R"(~hm#weather{"days":2})")
      << "<|calls|> ends the text and is not seen";
  EXPECT_EQ(parse(kSign, "<|think|>hm<|end|><|begin|>assistant<|content|>Hello<|end|>"),
            "~hm|Hello");
  EXPECT_EQ(parse(kSign, "<|tool_calls|><|tool_call:begin|>weather{}<|tool_call:end|><|calls|>"),
            "!|<|tool_calls|><|tool_call:begin|>weather{}<|tool_call:end|><|calls|>");
}

TEST(JsonCalls, CommandR) {
  EXPECT_EQ(parse("<|START_ACTION|><|START_THINKING|>",
                  "<|START_THINKING|>a<|END_THINKING|><|START_ACTION|>[{\"tool_call_id\": \"0\", "
                  "\"tool_name\": \"weather\", \"parameters\": {}}]<|END_ACTION|>"),
            "~a#weather{}");
  EXPECT_EQ(parse("<|START_ACTION|>", "<|START_RESPONSE|>Hi<|END_RESPONSE|>"), "|Hi");
}

TEST(JsonCalls, Lists) {
  EXPECT_EQ(
      parse("<TOOLCALL>", "<TOOLCALL>[{\"name\": \"weather\", \"arguments\": {}}]</TOOLCALL>"),
      "#weather{}");
  EXPECT_EQ(parse("", "{\"tool_calls\": [{\"name\": \"weather\", \"arguments\": {\"days\": 1}}]}"),
            R"(#weather{"days":1})");
}

TEST(JsonCalls, Apertus) {
  EXPECT_EQ(
      parse("<|tools_prefix|><|inner_prefix|>",
            "<|inner_prefix|>hm<|inner_suffix|>ok<|tools_prefix|>[{\"weather\": {\"days\": 1}}, "
            "{\"python\": {}}]<|tools_suffix|>"),
      R"(~hm|ok#weather{"days":1}#python{})");
  EXPECT_EQ(parse("<|tools_prefix|>", "<|tools_prefix|>[3]<|tools_suffix|>"),
            "!|<|tools_prefix|>[3]<|tools_suffix|>");
}

TEST(JsonCalls, MiniMaxM1) {
  EXPECT_EQ(parse("<beginning_of_sentence>ipython",
                  "<tool_calls>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_calls>"),
            "#weather{}");
}

}  // namespace
}  // namespace linnet
