#include "chat/output/event_list.hpp"

#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

// Text is what the model wrote. A call is taken out of it, and the white space around it stays
// where there is text on both sides, so that words don't run together.
TEST(EventListTest, WhiteSpaceBesideCalls) {
  const std::string good = "<tool_call>{\"name\": \"weather\"}</tool_call>";
  const std::string broken = "<tool_call>{\"name\": 3}</tool_call>";
  EXPECT_EQ(parse(kQwen, "A " + broken), "|A!| " + broken);
  EXPECT_EQ(parse(kQwen, "A\n\n" + broken + "\n\nB\n"), "|A!|\n\n" + broken + "\n\nB\n");
  EXPECT_EQ(parse(kQwen, " " + broken + " "), "!| " + broken + " ");
  EXPECT_EQ(parse(kQwen, "B " + good + " C"), "|B#weather{}|  C");
  EXPECT_EQ(parse(kQwen, "B\n" + good + "\n" + good + "C"), "|B#weather{}#weather{}|\n\nC");
  EXPECT_EQ(parse(kQwen, "B " + good + " " + broken), "|B#weather{}!|  " + broken);
  EXPECT_EQ(parse(kQwen, "B\n" + good + "\n"), "|B#weather{}");
  EXPECT_EQ(parse(kQwen, "\n" + good + "\n" + good + "\nC\n"), "#weather{}#weather{}|C\n");
  EXPECT_EQ(parse(kQwen, "<think>a</think>\n" + good + "\nC"), "~a#weather{}|C");
}

TEST(ToolCallIdTest, IsNineLettersAndDigits) {
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 7});
  const auto events = parser->push(
      "<tool_call>{\"name\": \"weather\"}</tool_call><tool_call>{\"name\": "
      "\"weather\"}</tool_call>");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].call.id.size(), 9u);
  EXPECT_NE(events[0].call.id, events[1].call.id);
  EXPECT_EQ(events[0].call.id.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
                                                "nopqrstuvwxyz"),
            std::string::npos);
}

TEST(ToolCallIdTest, TheSameOneAgainIsNone) {
  auto parser =
      make_output_parser(detect_output_format("<TOOLCALL>"), {.tools = tools(), .id_seed = 7});
  const auto events = parser->push(
      "<TOOLCALL>[{\"name\": \"f\", \"id\": \"a\"}, {\"name\": \"f\", \"id\": \"a\"}]"
      "</TOOLCALL>");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].call.id, "a");
  EXPECT_EQ(events[1].call.id.size(), 9u);
}

}  // namespace
}  // namespace linnet
