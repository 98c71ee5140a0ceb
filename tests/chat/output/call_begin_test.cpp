#include "chat/output/call_begin.hpp"

#include <gmock/gmock.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

using testing::Contains;
using testing::ElementsAre;

TEST(CallBeginTest, EverySectionThatEndsThinkingSaysHowItsCallsBegin) {
  for (const Family& family : families()) {
    for (const CallSection& section : family.sections) {
      if (!section.ends_thinking) continue;
      EXPECT_FALSE(section.syntax->begins.empty()) << family.name;
      OutputFormat format;
      format.family = &family;
      EXPECT_THAT(begins_in_thinking(format, nullptr),
                  Contains(testing::StartsWith(section.begin)));
    }
  }
}

// The text behind a begin of the family's n-th section.
Fit fit(std::string_view source, std::size_t n, std::string_view text) {
  const OutputFormat format = detect_output_format(source);
  return begins_call(format.family->sections[n], text, ToolTable(tools()), nullptr);
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
  const CallForm form{.begin = "\n<tool_call>\n<function=", .end = "", .middle = ""};
  const ToolTable table(tools());
  EXPECT_EQ(begins_call(format.family->sections[0], "\n<function=", table, &form), Fit::kFits);
  EXPECT_EQ(begins_call(format.family->sections[0], "\n<fun", table, &form), Fit::kMayFit);
  EXPECT_EQ(begins_call(format.family->sections[0], "<function=f>", table, &form), Fit::kNone);
  EXPECT_EQ(begins_call(format.family->sections[1], "f>", table, &form), Fit::kNone);
  EXPECT_THAT(begins_in_thinking(format, &form), ElementsAre("<tool_call><function="));
}

}  // namespace
}  // namespace linnet
