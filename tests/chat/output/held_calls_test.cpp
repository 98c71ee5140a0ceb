#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/call_form_search.hpp"
#include "chat/output/call_syntax.hpp"
#include "chat/output/output_parser.hpp"
#include "support/paths.hpp"

// Calls that a grammar holds come in pieces, which together are what they are as a whole.

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputEvent::Kind;

const Json& tools() {
  static const Json kTools = Json::parse(R"([
    {"type": "function", "function": {"name": "look_up", "description": "Looks up",
      "parameters": {"type": "object", "properties": {"a": {"description": "any"}}}}},
    {"type": "function", "function": {"name": "f", "description": "Does nothing",
      "parameters": {"type": "object", "properties": {}}}}])");
  return kTools;
}

// What stands in values, written in several ways.
const std::vector<std::string> kArguments = {
    R"({"a": "Köln \"x\" \\ \/ \n", "b": [1, -2.50, 1e3, true, null, {}, []], "</tool_call>": "]}"})",
    "{ }", R"({"a":"\u00e9\uD83D\uDE00\u0007","c":{"d":[[0.1]], "[ARGS]":"{\"a\":"}, "e":"😀é"})"};

std::string name_of(std::size_t call) { return call % 2 == 0 ? "look_up" : "f"; }

// So many calls in a form, each with an id of its own.
std::string written(const CallForm& form, std::size_t calls) {
  const auto with_id = [](std::string text, std::size_t call) {
    const std::size_t at = text.find(kIdPlace);
    return at == std::string::npos
               ? text
               : text.replace(at, kIdPlace.size(), "Linnet00" + std::to_string(call));
  };
  std::string text = with_id(form.begin, 0);
  for (std::size_t i = 0; i < calls; ++i) {
    if (i > 0) text += with_id(*form.between, i);
    text += name_of(i) + with_id(form.middle, i) + kArguments[i % kArguments.size()];
  }
  return text + with_id(form.end, calls - 1);
}

// An answer with its calls put together, as one text.
class Gathered {
 public:
  void add(const std::vector<OutputEvent>& events) {
    for (const OutputEvent& event : events) add(event);
  }
  std::string shown() const { return text_ + (is_open_ ? "..." : ""); }
  std::size_t pieces() const { return pieces_; }
  std::size_t begun() const { return begun_; }

 private:
  void add(const OutputEvent& event) {
    if (event.kind == Kind::kText || event.kind == Kind::kReasoning) text_ += event.text;
    if (event.kind == Kind::kWarning) text_ += "!";
    if (event.kind == Kind::kToolCall || event.kind == Kind::kCallBegin) {
      text_ += "#" + event.call.id + " " + event.call.name + event.call.arguments;
    }
    if (event.kind == Kind::kCallBegin) {
      ++begun_;
      EXPECT_EQ(event.call.arguments, "");
      EXPECT_FALSE(std::exchange(is_open_, true));
    }
    if (event.kind == Kind::kCallArguments) {
      EXPECT_TRUE(is_open_ && !event.text.empty());
      ++pieces_;
      text_ += event.text;
    }
    if (event.kind == Kind::kCallEnd) {
      EXPECT_TRUE(std::exchange(is_open_, false));
    }
  }

  std::string text_;
  bool is_open_ = false;
  std::size_t pieces_ = 0, begun_ = 0;
};

Gathered parse(const OutputFormat& format, const CallForm* held, std::string_view answer,
               const std::vector<std::size_t>& cuts) {
  auto parser = make_output_parser(format, {.tools = tools(), .id_seed = 1, .held_calls = held});
  Gathered gathered;
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    gathered.add(parser->push(answer.substr(at, cut - at)));
    at = cut;
  }
  gathered.add(parser->push(answer.substr(at)));
  gathered.add(parser->finish());
  return gathered;
}

// The same as a whole, cut once anywhere, and cut everywhere.
void expect_same(const OutputFormat& format, const CallForm& form, const std::string& answer,
                 std::size_t calls) {
  const std::string whole = parse(format, nullptr, answer, {}).shown();
  ASSERT_EQ(std::ranges::count(whole, '#'), static_cast<std::ptrdiff_t>(calls)) << whole;
  std::vector<std::size_t> everywhere;
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    everywhere.push_back(at);
    ASSERT_EQ(parse(format, &form, answer, {at}).shown(), whole) << "cut at " << at;
  }
  const Gathered pieces = parse(format, &form, answer, everywhere);
  EXPECT_EQ(pieces.shown(), whole);
  EXPECT_EQ(pieces.begun(), calls);
  EXPECT_GT(pieces.pieces(), 10 * calls);
}

struct Case {
  const char* name;
  const char* source;  // of a template
  CallForm form;
  std::size_t most_calls = 3;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"Hermes",
       "<tool_call>",
       {.begin = "\n<tool_call>\n{\"name\": \"",
        .end = "}\n</tool_call>",
        .middle = "\", \"arguments\": ",
        .between = "}\n</tool_call>\n<tool_call>\n{\"name\": \""}},
      {"Llama",
       "<|python_tag|>",
       {.begin = "{\"name\": \"", .end = "}", .middle = "\", \"parameters\": "},
       1},
      {"Mistral",
       "[TOOL_CALLS]",
       {.begin = "[TOOL_CALLS]",
        .end = "",
        .middle = "[CALL_ID]\x01[ARGS]",
        .between = "[TOOL_CALLS]"}},
      {"Functionary",
       "<function=",
       {.begin = "<function=",
        .end = "</function>",
        .middle = ">",
        .between = "</function><function="}},
      {"Firefunction",
       "functools[",
       {.begin = " functools[{\"name\": \"",
        .end = "}]",
        .middle = "\", \"arguments\": ",
        .between = "}, {\"name\": \""}},
      {"Nemotron",
       "<TOOLCALL>",
       {.begin = "<TOOLCALL>[{\"name\": \"",
        .end = "}]</TOOLCALL>",
        .middle = "\", \"arguments\": ",
        .between = "}, {\"name\": \""}},
      {"CommandR",
       "<|START_ACTION|>",
       {.begin = "<|START_ACTION|>[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"",
        .end = "}\n]<|END_ACTION|>",
        .middle = "\", \"parameters\": ",
        .between = "},\n    {\"tool_call_id\": \"1\", \"tool_name\": \""}},
      {"Kimi",
       "<|tool_calls_section_begin|>",
       {.begin = "<|tool_calls_section_begin|><|tool_call_begin|>functions.",
        .end = "<|tool_call_end|><|tool_calls_section_end|>",
        .middle = ":0<|tool_call_argument_begin|>"},
       1},
      {"Apertus",
       "<|tools_prefix|>",
       {.begin = "<|tools_prefix|>[{\"",
        .end = "}]<|tools_suffix|>",
        .middle = "\": ",
        .between = "}, {\""}},
      {"DeepSeek",
       "<｜tool▁calls▁begin｜>",
       {.begin = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
        .end = "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        .middle = "<｜tool▁sep｜>",
        .between = "<｜tool▁call▁end｜><｜tool▁call▁begin｜>"}},
      {"Solar",
       "<|tool_call:begin|>",
       {.begin = "<|tool_calls|><|tool_call:begin|>\x01<|tool_call:name|>",
        .end = "<|tool_call:end|><|calls|>",
        .middle = "<|tool_call:args|>",
        .between = "<|tool_call:end|><|tool_call:begin|>\x01<|tool_call:name|>"}},
      {"FunctionaryMessages", ">>>all", {.begin = "", .end = "", .middle = "\n", .between = ">>>"}},
      {"Harmony",
       "<|start|><|channel|><|message|>",
       {.begin = " to=functions.", .end = "", .middle = "<|channel|>commentary json<|message|>"},
       1}};
  return kCases;
}

class HeldCallsTest : public testing::TestWithParam<Case> {};

TEST_P(HeldCallsTest, PiecesAreTheWhole) {
  const OutputFormat format = detect_output_format(GetParam().source);
  for (std::size_t calls = 1; calls <= GetParam().most_calls; ++calls) {
    expect_same(format, GetParam().form, written(GetParam().form, calls), calls);
  }
}

// What a limit cuts is never a complete call, and never text.
TEST_P(HeldCallsTest, ArgumentsThatAreCutAreNotComplete) {
  const OutputFormat format = detect_output_format(GetParam().source);
  const std::string answer = written(GetParam().form, 1);
  const std::size_t begin = answer.find(kArguments[0]), end = begin + kArguments[0].size();
  for (std::size_t size = begin + 1; size < answer.size(); ++size) {
    const std::string shown =
        parse(format, &GetParam().form, std::string_view(answer).substr(0, size), {begin + 1})
            .shown();
    EXPECT_THAT(shown, testing::StartsWith("#"));
    if (size < end) {
      EXPECT_THAT(shown, testing::EndsWith("!...")) << size;
    } else {
      EXPECT_THAT(shown, testing::EndsWith("}")) << size;
    }
  }
}

// One without any arguments would be a complete one for some families.
TEST_P(HeldCallsTest, WhatIsCutBeforeItsArgumentsIsNoCall) {
  const OutputFormat format = detect_output_format(GetParam().source);
  const std::string answer = written(GetParam().form, 1);
  const std::string_view cut = std::string_view(answer).substr(0, answer.find(kArguments[0]));
  EXPECT_THAT(parse(format, &GetParam().form, cut, {}).shown(),
              testing::Not(testing::HasSubstr("#")));
}

// It is not lost without a word.
TEST_P(HeldCallsTest, ASecondCallThatIsCutBeforeItsArgumentsIsSaid) {
  if (GetParam().most_calls < 2) GTEST_SKIP() << "the form has one call";
  const OutputFormat format = detect_output_format(GetParam().source);
  const std::string answer = written(GetParam().form, 2);
  const std::string_view cut = std::string_view(answer).substr(0, answer.find(kArguments[1]));
  EXPECT_THAT(parse(format, &GetParam().form, cut, {}).shown(), testing::HasSubstr("!"));
}

TEST_P(HeldCallsTest, ACallBeginsWithItsArguments) {
  const std::string answer = written(GetParam().form, 1);
  auto parser = make_output_parser(detect_output_format(GetParam().source),
                                   {.tools = tools(), .held_calls = &GetParam().form});
  const std::size_t begin = answer.find(kArguments[0]);
  std::vector<OutputEvent> events = parser->push(answer.substr(0, begin + 7));  // {"a": "
  for (OutputEvent& event : parser->push(answer.substr(begin + 7, 5))) {
    events.push_back(std::move(event));
  }
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, Kind::kCallBegin);
  EXPECT_EQ(events[0].call.name, "look_up");
  EXPECT_FALSE(events[0].call.id.empty());
  EXPECT_EQ(events[1].text + events[2].text, "{\"a\":\"Köln");
}

// The limit is that of the arguments, whatever stands around them.
TEST_P(HeldCallsTest, ArgumentsAreAsDeepInPiecesAsWhole) {
  const OutputFormat format = detect_output_format(GetParam().source);
  const auto shown = [&](std::size_t depth, const CallForm* held) {
    const std::string value = std::string(depth - 1, '[') + std::string(depth - 1, ']');
    std::string answer = written(GetParam().form, 1);
    answer.replace(answer.find(kArguments[0]), kArguments[0].size(), "{\"a\":" + value + "}");
    return parse(format, held, answer, {}).shown();
  };
  EXPECT_THAT(shown(kMaxArgumentDepth, nullptr), testing::HasSubstr("look_up{\"a\":[["));
  EXPECT_EQ(shown(kMaxArgumentDepth, &GetParam().form), shown(kMaxArgumentDepth, nullptr));
  EXPECT_THAT(shown(kMaxArgumentDepth + 1, nullptr), testing::Not(testing::HasSubstr("#")));
  EXPECT_THAT(shown(kMaxArgumentDepth + 1, &GetParam().form), testing::EndsWith("!..."));
}

INSTANTIATE_TEST_SUITE_P(Families, HeldCallsTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return std::string(info.param.name); });

const CallForm& hermes() { return cases()[0].form; }

std::string shown_of_hermes(std::string_view answer) {
  return parse(detect_output_format("<think></think><tool_call>"), &hermes(), answer, {}).shown();
}

TEST(HeldCalls, ThinkingAndTextMayComeBefore) {
  EXPECT_EQ(shown_of_hermes("<think>{\"name\": \"f\", \"arguments\": {</think>\n\nI look.\n"
                            "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"),
            "{\"name\": \"f\", \"arguments\": {I look.#" +
                shown_of_hermes("<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>")
                    .substr(1));
}

// The grammar lets nothing else begin like one there.
TEST(HeldCalls, ThinkingMayEndWithACall) {
  const auto format = detect_output_format("<think></think><tool_call><function=<parameter=");
  const std::string call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
  const auto shown = parse(format, &hermes(), "<think>I look.\n" + call, {}).shown();
  EXPECT_THAT(shown, testing::StartsWith("I look.#"));
  EXPECT_THAT(shown, testing::EndsWith(" f{}"));
}

TEST(HeldCalls, MessagesOfTextMayComeBefore) {
  const CallForm form{.begin = "", .end = "", .middle = "\n", .between = ">>>"};
  const Gathered gathered =
      parse(detect_output_format(">>>all"), &form, "all\nI look.>>>look_up\n{\"a\": 1}", {24, 29});
  EXPECT_THAT(gathered.shown(), testing::StartsWith("I look.#"));
  EXPECT_THAT(gathered.shown(), testing::EndsWith(" look_up{\"a\":1}"));
  EXPECT_GT(gathered.pieces(), 1u);
}

// Nobody holds what is in another form: it is read as ever.
TEST(HeldCalls, WhatIsInAnotherFormIsReadWhenItIsComplete) {
  EXPECT_THAT(
      shown_of_hermes("<tool_call>{\"arguments\": {\"a\": 1}, \"name\": \"f\"}</tool_call>"),
      testing::EndsWith(" f{\"a\":1}"));
  for (const char* const broken :
       {"<tool_call>\n{\"name\": \"other\", \"arguments\": {}}</tool_call>",
        "<tool_call>\n{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call>\n{\"name\": \"f\", \"arg</tool_call>"}) {
    EXPECT_EQ(shown_of_hermes(broken), "!" + std::string(broken));
  }
}

TEST(HeldCalls, AnIdBehindTheArgumentsKeepsThemWhole) {
  const CallForm form{.begin = "[TOOL_CALLS][{\"name\": \"",
                      .end = ", \"id\": \"\x01\"}]",
                      .middle = "\", \"arguments\": "};
  const Gathered gathered =
      parse(detect_output_format("[TOOL_CALLS]"), &form, written(form, 1), {30, 60});
  EXPECT_THAT(gathered.shown(), testing::StartsWith("#Linnet000 look_up{\"a\":"));
  EXPECT_EQ(gathered.pieces(), 0u);
}

TEST(HeldCalls, NothingComesBehindTheOnlyCall) {
  const OutputFormat format = detect_output_format("<tool_call>");
  auto parser = make_output_parser(
      format, {.tools = tools(), .ends_with_call = true, .held_calls = &hermes()});
  Gathered gathered;
  gathered.add(parser->push(written(hermes(), 2) + "text"));
  EXPECT_TRUE(parser->is_over());
  gathered.add(parser->finish());
  EXPECT_EQ(std::ranges::count(gathered.shown(), '#'), 1);
  EXPECT_THAT(gathered.shown(), testing::Not(testing::EndsWith("text")));
}

// Where the answer ends too early, the calls before the end are calls.
TEST(HeldCalls, WholeOnesComeAtTheirEndAndAreNoneWhenTheyAreCut) {
  const OutputFormat format = detect_output_format("<tool_call>");
  const std::string answer = written(hermes(), 2);
  const std::size_t second = answer.find("\"f\"");
  for (std::size_t cut = second; cut < answer.size(); ++cut) {
    auto parser = make_output_parser(
        format, {.tools = tools(), .id_seed = 1, .held_calls = &hermes(), .whole_calls = true});
    std::vector<OutputEvent> events = parser->push(answer.substr(0, cut));
    for (OutputEvent& event : parser->finish()) events.push_back(std::move(event));
    Gathered gathered;
    gathered.add(events);
    EXPECT_EQ(gathered.begun(), 0u);
    const bool has_second = answer.find('}', answer.find("{ }") + 1) < cut;
    EXPECT_EQ(std::ranges::count(gathered.shown(), '#'), has_second ? 2 : 1) << cut;
    EXPECT_EQ(std::ranges::count(events, Kind::kWarning, &OutputEvent::kind), has_second ? 0 : 1)
        << cut;
    EXPECT_EQ(events.front().call.arguments, parse(format, nullptr, answer, {})
                                                 .shown()
                                                 .substr(std::string("#Linnet000 look_up").size(),
                                                         events.front().call.arguments.size()));
  }
}

// The templates are in ../shared/oracle/chat, which the project may not hold a copy of.
TEST(HeldCalls, PiecesAreTheWholeInAllRealTemplates) {
  const std::filesystem::path folder = test::in_repository("../shared/oracle/chat/templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  int forms = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ostringstream source;
    source << std::ifstream(entry.path()).rdbuf();
    const auto chat = ChatTemplate::create({{"", source.str()}}, {"<s>", "</s>"});
    const auto form = chat ? find_call_form(*chat) : std::nullopt;
    const bool has_id_behind = form && form->end.find(kIdPlace) != std::string::npos;
    if (!form || !form->has_json_arguments || has_id_behind) continue;
    SCOPED_TRACE(entry.path().filename());
    const auto prompt = chat->render(
        {.messages = Json::parse(R"([{"role": "user", "content": "?"}])"), .tools = tools()});
    ASSERT_TRUE(prompt) << prompt.error().message;
    const std::size_t calls = form->between ? 2 : 1;
    expect_same(prompt->output_format, *form, written(*form, calls), calls);
    ++forms;
  }
  EXPECT_GE(forms, 40);
}

}  // namespace
}  // namespace linnet
