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

}  // namespace
}  // namespace linnet
