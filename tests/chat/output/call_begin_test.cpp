#include "chat/output/call_begin.hpp"

#include <gmock/gmock.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

TEST(CallBeginTest, EverySectionThatEndsThinkingSaysHowItsCallsBegin) {
  for (const Family& family : families()) {
    for (const CallSection& section : family.sections) {
      if (!section.ends_thinking) continue;
      EXPECT_FALSE(section.syntax->begins.empty()) << family.name;
      OutputFormat format;
      format.family = &family;
      EXPECT_THAT(begins_in_thinking(format, nullptr, ToolTable(tools())),
                  Contains(testing::StartsWith(section.begin)));
    }
  }
}

// The text behind a begin of the family's n-th section.
Fit fit(std::string_view source, std::size_t n, std::string_view text) {
  const OutputFormat format = detect_output_format(source);
  return begins_call(format.family->sections[n], text, ToolTable(tools()), {});
}

TEST(CallBeginTest, CallsBeginWithWhatTheyAreMadeOf) {
  constexpr std::string_view kQwen35 = "<tool_call><function=<parameter=";
  for (const std::string_view call : {"\n<function=weather>\n<parameter=city>", "<function=f> {",
                                      "{\"name\"", " [{", "f\n<arg_key>", "weather</tool_call>"}) {
    EXPECT_EQ(fit(kQwen35, 0, call), Fit::kFits) << call;
    for (std::size_t bytes = 0; bytes < 2; ++bytes) {
      EXPECT_EQ(fit(kQwen35, 0, call.substr(0, bytes)), Fit::kMayFit) << call;
    }
  }
  for (const std::string_view thought : {".", "</tool_call>", "<function=g>", "<function=f> and",
                                         "{a", "fast", "f it", "<parameter="}) {
    EXPECT_EQ(fit(kQwen35, 0, thought), Fit::kNone) << thought;
  }
  EXPECT_EQ(fit(kQwen35, 1, "f>\n</function>"), Fit::kFits) << "its begin is part of it";
  EXPECT_EQ(fit(kQwen35, 1, "NAME>"), Fit::kNone);
  EXPECT_EQ(fit("<|tool_calls_section_begin|>", 0, "<|tool_call_begin|>functions.f:0"), Fit::kFits);
  EXPECT_EQ(fit("<|tool_calls_section_begin|>", 1, "functions.f:0"), Fit::kFits);
  EXPECT_EQ(fit("<|tool_calls_section_begin|>", 0, " is what I need"), Fit::kNone);
  EXPECT_EQ(fit("｜DSML｜", 1, "\n<｜DSML｜invoke name=\"f\">"), Fit::kFits);
  EXPECT_EQ(fit("<|START_ACTION|>", 0, "[\n  {"), Fit::kFits);
}

TEST(CallBeginTest, CallsOfAFormBeginAsItDoes) {
  const OutputFormat format = detect_output_format("<tool_call><function=<parameter=");
  const CallForm form{.begin = "\n<tool_call>\n<function=", .end = "", .middle = ">"};
  const ToolTable table(tools());
  const auto begins = begins_of_form(form, *format.family, table);
  ASSERT_THAT(begins, ElementsAre("<tool_call>\n<function="));
  const auto& sections = format.family->sections;
  EXPECT_EQ(begins_call(sections[0], "\n<function=", table, begins), Fit::kFits);
  EXPECT_EQ(begins_call(sections[0], "\n<fun", table, begins), Fit::kMayFit);
  EXPECT_EQ(begins_call(sections[0], "<function=f>", table, begins), Fit::kNone);
  EXPECT_EQ(begins_call(sections[1], "f>", table, begins), Fit::kNone);
  EXPECT_THAT(begins_in_thinking(format, &form, table), ElementsAre("<tool_call><function="));
}

TEST(CallBeginTest, CallsThatBeginWithAMarkerAloneBeginWithTheirNamesToo) {
  const OutputFormat format = detect_output_format("<role>ASSISTANT</role><tool_call><arg_key>");
  const CallForm form{.begin = "<tool_call>", .end = "</tool_call>", .middle = "\n"};
  EXPECT_THAT(
      begins_of_form(form, *format.family, ToolTable(tools())),
      UnorderedElementsAre("<tool_call>weather\n", "<tool_call>python\n", "<tool_call>f\n"));
  EXPECT_THAT(begins_of_form(form, generic_family(), ToolTable(tools())), IsEmpty());
}

TEST(CallBeginTest, AMentionOfAMarkerIsNoBegin) {
  for (const Family& family : families()) {
    OutputFormat format;
    format.family = &family;
    const auto begins = begins_in_thinking(format, nullptr, ToolTable(tools()));
    for (const CallSection& section : family.sections) {
      EXPECT_THAT(begins, Not(Contains(section.begin))) << family.name;
    }
  }
}

}  // namespace
}  // namespace linnet
