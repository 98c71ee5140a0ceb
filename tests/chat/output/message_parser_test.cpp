#include "chat/output/message_parser.hpp"

#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

TEST(MessageParserTest, Atem) {
  constexpr std::string_view kSign = "<atem:function_calls>";
  EXPECT_EQ(
      parse(kSign, " to=self<|message|>hm<|eom|><|start|>assistant to=user<|message|>Hello<|eot|>"),
      "~hm|Hello");
  EXPECT_EQ(parse(kSign,
                  " to=self<|message|>hm<|eom|><|start|>assistant to=weather<|message|>"
                  "<atem:function_calls>\n<atem:invoke name=\"weather\">\n<atem:parameter "
                  "name=\"city\"> x</atem:parameter>\n<atem:parameter name=\"days\">2"
                  "</atem:parameter>\n</atem:invoke>\n</atem:function_calls><|eot|>"),
            R"(~hm#weather{"city":" x","days":2})");
  EXPECT_EQ(parse(kSign, " to=weather<|message|><atem:function_calls><|eot|>"),
            "!|<atem:function_calls>");
  EXPECT_EQ(parse(kSign, "Just text."), "|Just text.");
}

TEST(MessageParserTest, ReadsChannels) {
  EXPECT_EQ(parse(kHarmony,
                  "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>"
                  "final<|message|>Hello<|return|>"),
            "~Hm.|Hello");
  EXPECT_EQ(parse(kHarmony,
                  "<|channel|>commentary to=functions.weather <|constrain|>json<|message|>"
                  "{\"city\": \"x\"}<|call|>"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse(kHarmony,
                  "<|channel|>analysis<|message|>a<|end|><|start|>assistant to=functions."
                  "weather<|channel|>commentary json<|message|>{}<|call|>"),
            "~a#weather{}");
  EXPECT_EQ(parse(kHarmony, "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"),
            "|I look.");
}

TEST(MessageParserTest, BearsWhatIsNotHarmony) {
  EXPECT_EQ(parse(kHarmony, "Just text."), "|Just text.");
  EXPECT_EQ(parse(kHarmony, "<|channel|>commentary to=functions.weather<|message|>{\"ci"),
            "!|{\"ci");
  EXPECT_EQ(parse(kHarmony, "<|channel|>commentary to=functions.wether<|message|>{}<|call|>"),
            "!|{}");
  EXPECT_EQ(parse(kHarmony, "<|channel|>fin"), "");
  EXPECT_EQ(parse(kHarmony, "<|channel|>final<|message|>a<|end|><|start|>assist"), "|a");
}

TEST(MessageParserTest, TheEndOfABodyMayStandInTheValuesOfACall) {
  EXPECT_EQ(
      parse(kHarmony,
            "<|channel|>commentary to=functions.weather<|message|>{\"city\": "
            "\"a<|call|><|end|>\\\"\"}<|call|><|start|>assistant<|channel|>final<|message|>b"),
      R"(#weather{"city":"a<|call|><|end|>\""}|b)");
  EXPECT_EQ(parse(kHarmony, "<|channel|>commentary to=weather<|message|>{\"city\": \"<|end|>\"}"),
            R"(#weather{"city":"<|end|>"})");
  EXPECT_EQ(parse("<atem:function_calls>",
                  " to=weather<|message|><atem:function_calls>\n<atem:invoke name=\"weather\">\n"
                  "<atem:parameter name=\"city\">x<|eom|></atem:function_calls></atem:parameter>\n"
                  "</atem:invoke>\n</atem:function_calls><|eot|>"),
            R"(#weather{"city":"x<|eom|></atem:function_calls>"})");
  for (const std::string broken : {"{\"ci", "{\"ci\n"}) {
    EXPECT_EQ(parse(kHarmony, "<|channel|>commentary to=functions.weather<|message|>" + broken +
                                  "<|call|><|start|>assistant<|channel|>final<|message|>b"),
              "!|{\"cib");
  }
}

// Functionary's headers are nothing but a recipient, so that only tools are one.
TEST(MessageParserTest, HeadersThatAreARecipient) {
  constexpr std::string_view kSign = ">>>all";
  EXPECT_EQ(parse(kSign, "all\nHello\nall"), "|Hello\nall");
  EXPECT_EQ(parse(kSign, "weather\n{\"city\": \"x>>>f\"}"), R"(#weather{"city":"x>>>f"})");
  EXPECT_EQ(parse(kSign, "all\nI look.>>>weather\n{\"days\": 2}>>>f\n{}"),
            R"(|I look.#weather{"days":2}#f{})");
  EXPECT_EQ(parse(kSign, "f\n{}>>>all\nDone."), "#f{}|Done.");
  EXPECT_EQ(parse(kSign, "all\n>>> f(1)\n>>>other\n"), "|>>> f(1)\n>>>other");
  EXPECT_EQ(parse(kSign, "Hello\nthere"), "|Hello\nthere");
  EXPECT_EQ(parse(kSign, "weather\n{\"city\": \"x"), "!|{\"city\": \"x");
  EXPECT_EQ(parse(kSign, "weath"), "");
  EXPECT_EQ(parse(kSign, "weather\n{}", {.has_tools = false}), "|weather\n{}");
}

TEST(MessageParserTest, ACallIsCompleteWhateverItsEndLeadsTo) {
  constexpr std::string_view kSign = ">>>all";
  constexpr std::string_view kCall = R"(#weather{"city":"x"})";
  const std::string answer = "weather\n{\"city\": \"x\"}";
  for (const char* const cut : {"", ">", ">>", ">>>", ">>>weath", ">>>weather"}) {
    EXPECT_EQ(parse(kSign, answer + cut), kCall) << cut;
  }
  EXPECT_EQ(parse(kSign, answer + ">>>forecast\n{}"), std::string(kCall) + "|forecast\n{}");
  EXPECT_EQ(parse(kSign, answer + ">>>forecast\n{}>>>f\n{}"),
            std::string(kCall) + "|forecast\n{}#f{}");
  EXPECT_EQ(parse(kSign, "weather\n{\"city\">>>weath"), "!|{\"city\"");
  EXPECT_EQ(
      parse(kHarmony, "<|channel|>commentary to=functions.weather<|message|>{\"city\": \"x\"}<|ca"),
      kCall);
}

TEST(MessageParserTest, AHeaderThatIsCutIsNoText) {
  constexpr std::string_view kSign = ">>>all";
  EXPECT_EQ(parse(kSign, "all\nI look.>>>weath"), "|I look.");
  EXPECT_EQ(parse(kSign, "all\nI look.>>>"), "|I look.");
  EXPECT_EQ(parse(kSign, "all\na >>"), "|a >>");
  EXPECT_EQ(parse(kSign, "all\na >>>fo"), "|a >>>fo");
}

TEST(MessageParserTest, CodeMayStandInPlaceOfArguments) {
  constexpr std::string_view kSign = ">>>all";
  EXPECT_EQ(parse(kSign, "python\na = 1\n"), R"(#python{"code":"a = 1"})");
  EXPECT_EQ(parse(kSign, "python\n\"\"\"it's\n>>> 1\n\"\"\"\n[2]>>>f\n{}"),
            R"(#python{"code":"\"\"\"it's\n>>> 1\n\"\"\"\n[2]"}#f{})");
  EXPECT_EQ(parse(kSign, "python\n[1, 2]>>>weath"), R"(#python{"code":"[1, 2]"})");
  EXPECT_EQ(parse(kSign, "python\n{\"code\": \"a>>>f\\n\"}>>>f\n{}"),
            R"(#python{"code":"a>>>f\n"}#f{})");
  EXPECT_EQ(parse(kSign, "python\n{\"code\": \"pri"), R"(!|{"code": "pri)");
  EXPECT_EQ(parse(kSign, "weather\na = 1"), "!|a = 1");
  EXPECT_EQ(parse(kHarmony, "<|channel|>commentary to=python<|message|>a = 1"), "!|a = 1");
}

// Roles of other families, and what stands in front of their tools.
TEST(MessageParserTest, ARecipientAloneIsTheNameOfTheTool) {
  Json named;
  for (const char* const name : {"user", "assistant", "functions.x"}) {
    named.push_back({{"type", "function"}, {"function", {{"name", name}}}});
  }
  auto parser = make_output_parser(detect_output_format(">>>all"), {.tools = named});
  OutputEvent::Kind last = OutputEvent::Kind::kWarning;
  std::string text = shown(parser->push("user\n{}>>>assistant\n{}>>>functions.x\n{}"), last);
  text += shown(parser->finish(), last);
  EXPECT_EQ(text, "#user{}#assistant{}#functions.x{}");
}

// Nothing says that it is one, and no text may get lost.
TEST(MessageParserTest, TextThatBeginsLikeAHeaderIsShown) {
  EXPECT_EQ(parse(kHarmony, "analysis of both: fine."), "|analysis of both: fine.");
  EXPECT_EQ(parse(kHarmony, "Text<|message|>and more"), "|Text<|message|>and more");
  std::string answer = "commentary";
  while (answer.size() < 600) answer += " more of it";
  EXPECT_EQ(parse(kHarmony, answer), "|" + answer);
  auto parser = make_output_parser(detect_output_format(kHarmony), {});
  EXPECT_FALSE(parser->push(answer).empty());
}

}  // namespace
}  // namespace linnet
