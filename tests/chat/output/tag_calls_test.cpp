#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

TEST(TagCalls, Hermes) {
  EXPECT_EQ(parse(kQwen,
                  "Let me see.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": "
                  "\"Köln\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"python\", \"arguments\": "
                  "\"{\\\"code\\\": \\\"1\\\"}\"}\n</tool_call>\n"),
            R"(|Let me see.#weather{"city":"Köln"}#python{"code":"1"})");
  EXPECT_EQ(parse(kQwen, "<think>a</think><tool_call>{\"name\": \"weather\"}</tool_call>"),
            "~a#weather{}");
  // The end is often a token that nobody shows.
  EXPECT_EQ(parse(kQwen, "<tool_call>{\"name\": \"weather\"}"), "#weather{}");
}

TEST(TagCalls, FunctionTags) {
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>\n<function=weather>\n<parameter=city>\n3\n</parameter>\n"
                  "<parameter=days>\n3\n</parameter>\n<parameter=note>\na\nb\n</parameter>\n"
                  "</function>\n</tool_call>"),
            R"(#weather{"city":"3","days":3,"note":"a\nb"})");
  EXPECT_EQ(parse("<function=", "<function=weather>{\"city\": \"x\"}</function>"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse(kQwen, "<tool_call><function=weather><parameter=city>x</function></tool_call>"),
            "!|<tool_call><function=weather><parameter=city>x</function></tool_call>");
}

// Qwen3-Coder may leave out the tag around the call, or one side of it.
TEST(TagCalls, FunctionTagsWithoutTheTagAround) {
  constexpr std::string_view kSource = "<tool_call><function=><parameter=>";
  const std::string call = "<function=weather>\n<parameter=city>\nx\n</parameter>\n</function>";
  const std::string called = R"(#weather{"city":"x"})";
  EXPECT_EQ(parse(kSource, call), called);
  EXPECT_EQ(parse(kSource, "I look.\n" + call + "\n</tool_call>"), "|I look." + called);
  EXPECT_EQ(parse(kSource, call + "\n</tool_call>\n<tool_call>\n" + call + "\n</tool_call>"),
            called + called);
  const std::string mention = "Calls end with </tool_call> and a new line.";
  EXPECT_EQ(parse(kSource, mention), "|" + mention);
  EXPECT_EQ(parse(kSource, call + "\nSo: </tool_call>"), called + "|So: </tool_call>");
  const std::string none = "<function=other>\n</function> is none";
  EXPECT_EQ(parse(kSource, none), "!|" + none);
}

TEST(TagCalls, FunctionaryRunsCode) {
  constexpr std::string_view kSource = "<function=<|python_tag|>";
  EXPECT_EQ(parse(kSource, "Hm.<function=weather>{\"city\": \"x\"}</function>"),
            R"(|Hm.#weather{"city":"x"})");
  EXPECT_EQ(parse(kSource, "<|python_tag|>print(1)"), R"x(#python{"code":"print(1)"})x");
}

TEST(TagCalls, Glm) {
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>5</arg_value>\n"
                  "<arg_key>days</arg_key>\n<arg_value>5</arg_value>\n</tool_call>"),
            R"(#weather{"city":"5","days":5})");
}

// Qwen's values stand on lines of their own, those of others as they are.
TEST(TagCalls, NewlinesAroundValues) {
  EXPECT_EQ(parse(kQwen,
                  "<tool_call><function=weather><parameter=city>\n\na\n\n</parameter></function>"
                  "</tool_call>"),
            R"(#weather{"city":"\na\n"})");
  EXPECT_EQ(parse("<seed:tool_call>",
                  "<seed:tool_call><function=weather><parameter=city>\na\n</parameter></function>"
                  "</seed:tool_call>"),
            R"(#weather{"city":"\na\n"})");
  EXPECT_EQ(parse("<minimax:tool_call>",
                  "<minimax:tool_call><invoke name=\"weather\"><parameter name=\"city\">a\n"
                  "</parameter></invoke></minimax:tool_call>"),
            R"(#weather{"city":"a\n"})");
}

TEST(TagCalls, DeepSeekDsml) {
  EXPECT_EQ(
      parse("｜DSML｜",
            "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"weather\">\n<｜DSML｜parameter "
            "name=\"city\" string=\"true\">1</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" "
            "string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
            "</｜DSML｜function_calls>"),
      R"(#weather{"city":"1","days":1})");
  EXPECT_EQ(parse("｜DSML｜",
                  "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"python\">\n"
                  "<｜DSML｜parameter name=\"string\" string=\"true\">1</｜DSML｜parameter>\n"
                  "<｜DSML｜parameter name=\"a_string\" string=\"true\">2</｜DSML｜parameter>\n"
                  "</｜DSML｜invoke>\n</｜DSML｜function_calls>"),
            R"(#python{"string":"1","a_string":"2"})");
}

TEST(TagCalls, MiniMax) {
  EXPECT_EQ(parse("<minimax:tool_call>",
                  "<minimax:tool_call>\n<invoke name=\"weather\">\n<parameter name=\"city\">x"
                  "</parameter>\n</invoke>\n</minimax:tool_call>"),
            R"(#weather{"city":"x"})");
}

TEST(TagCalls, MiniCpm) {
  EXPECT_EQ(parse("<function name=",
                  "<function name=\"weather\"><param name=\"city\"> a\n</param><param "
                  "name=\"days\">3</param></function>ok"),
            R"(#weather{"city":" a\n","days":3}|ok)");
  EXPECT_EQ(parse("<function name=",
                  "<function name=\"python\"><param name=\"code\"><![CDATA[</param>&\n]]></param>"
                  "</function>"),
            R"(#python{"code":"</param>&\n"})");
}

TEST(TagCalls, Hunyuan) {
  EXPECT_EQ(parse("<tool_sep{}>",
                  "<think:opensource>hm</think:opensource>ok<tool_calls:opensource>\n"
                  "<tool_call:opensource>weather<tool_sep:opensource>\n<arg_key:opensource>city"
                  "</arg_key:opensource>\n<arg_value:opensource>3</arg_value:opensource>\n"
                  "</tool_call:opensource>\n<tool_call:opensource>python<tool_sep:opensource>\n"
                  "</tool_call:opensource>\n</tool_calls:opensource>"),
            R"(~hm|ok#weather{"city":"3"}#python{})");
}

}  // namespace
}  // namespace linnet
