#include "chat/output/section_end.hpp"

#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"
#include "support/processor_time.hpp"

namespace linnet {
namespace {

// Any text may stand in a value, the marker of the section's end as well.
TEST(SectionEndTest, TheEndOfACallMayStandInItsValues) {
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": "
                  "\"\\\"a</tool_call>b\\\\\"}}\n</tool_call>ok</tool_call>"),
            R"(#weather{"city":"\"a</tool_call>b\\"}|ok</tool_call>)");
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>\n<function=weather>\n<parameter=city>\na</function>\n</tool_call>b"
                  "<parameter=x>\n</parameter>\n</function>\n</tool_call>ok"),
            R"(#weather{"city":"a</function>\n</tool_call>b<parameter=x>"}|ok)");
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>a</tool_call>\"b"
                  "</arg_value>\n</tool_call>ok"),
            R"(#weather{"city":"a</tool_call>\"b"}|ok)");
  EXPECT_EQ(parse("<function=", "<function=weather>{\"city\": \"a</function>b\"}</function>"),
            R"(#weather{"city":"a</function>b"})");
  EXPECT_EQ(parse("<function name=",
                  "<function name=\"python\"><param name=\"code\"><![CDATA[</param></function>]]>"
                  "</param><param name=\"b\">]]></function></param></function>ok"),
            R"(#python{"code":"</param></function>","b":"]]></function>"}|ok)");
  EXPECT_EQ(
      parse("<|tool_call>",
            "<|tool_call>call:weather{city:<|\"|>it's <tool_call|><|\"|>,days:3}<tool_call|>"),
      R"(#weather{"city":"it's <tool_call|>","days":3})");
  EXPECT_EQ(parse("<|tool_call_start|>",
                  "<|tool_call_start|>[weather(city='a\"<|tool_call_end|>\\'')]<|tool_call_end|>"),
            R"(#weather{"city":"a\"<|tool_call_end|>'"})");
  EXPECT_EQ(parse("<|tool_calls_section_begin|>",
                  "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0"
                  "<|tool_call_argument_begin|>{\"city\": \"<|tool_call_end|>"
                  "<|tool_calls_section_end|>\"}<|tool_call_end|><|tool_calls_section_end|>"),
            R"(#weather{"city":"<|tool_call_end|><|tool_calls_section_end|>"})");
  EXPECT_EQ(parse("[TOOL_CALLS]", "[TOOL_CALLS]weather[ARGS]{\"city\": \"[TOOL_CALLS]\"}"),
            R"(#weather{"city":"[TOOL_CALLS]"})");
  // The last one is often a token that nobody shows.
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": "
                  "\"</tool_call>\"}}"),
            R"(#weather{"city":"</tool_call>"})");
  // A parameter ends where its own end comes first, as the families' parsers have it.
  EXPECT_EQ(parse(kQwen,
                  "<tool_call><function=weather><parameter=city>a</parameter>b</parameter>"
                  "</function></tool_call>"),
            "!|<tool_call><function=weather><parameter=city>a</parameter>b</parameter></function>"
            "</tool_call>");
}

// Where a call ends is looked for once, and once more where it was none, however it came.
TEST(SectionEndTest, CallsWithoutAnEndTakeLinearTime) {
  const auto repeated = [](std::string_view text) {
    std::string all;
    for (int i = 0; i < 30'000; ++i) all += text;
    return all;
  };
  const double begin_s = test::processor_time_s();
  for (const std::string& answer :
       {"<tool_call>{\"a\": \"" + repeated("</tool_call>"),
        "<tool_call>{\"a" + repeated("<tool_call>\\\"</tool_call>"),
        repeated("<tool_call>{\"</tool_call>"), repeated("<tool_call><parameter=a></tool_call>"),
        repeated("<tool_call><parameter=a></tool_call>") + "</parameter></tool_call>",
        repeated("<tool_call>[\"a\", </tool_call>") + "\n\"</tool_call>"}) {
    for (const std::size_t step : {std::size_t{5}, answer.size()}) {
      std::string shown = parse_in_steps(kQwen, answer, step, {});
      std::erase_if(shown, [](char c) { return c == '!' || c == '|'; });
      EXPECT_TRUE(shown == answer) << answer.substr(0, 100);
    }
  }
  EXPECT_LT(test::processor_time_s() - begin_s, 20);
}

}  // namespace
}  // namespace linnet
