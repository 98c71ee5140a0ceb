#include "chat/output/output_parser.hpp"

#include <gtest/gtest.h>

#include "chat/output/call_syntax.hpp"
#include "support/processor_time.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

const Json& tools() {
  static const Json kTools = Json::parse(R"([
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
      "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}}},
    {"type": "function", "function": {"name": "python", "parameters": {"type": "object",
      "properties": {"code": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "f"}}])");
  return kTools;
}

// Events as one text: thinking in ⟨⟩, calls as name{...}, warnings as !.
std::string shown(const std::vector<OutputEvent>& events, OutputEvent::Kind& last) {
  std::string text;
  for (const OutputEvent& event : events) {
    const bool goes_on = event.kind == last;
    if (event.kind == OutputEvent::Kind::kReasoning) text += (goes_on ? "" : "~") + event.text;
    if (event.kind == OutputEvent::Kind::kText) text += (goes_on ? "" : "|") + event.text;
    if (event.kind == OutputEvent::Kind::kToolCall) {
      text += "#" + event.call.name + event.call.arguments;
    }
    if (event.kind == OutputEvent::Kind::kWarning) text += "!";
    last = event.kind;
  }
  return text;
}

struct Options {
  bool starts_in_reasoning = false;
  bool has_tools = true;
};

std::string parse_in_steps(std::string_view source, std::string_view answer, std::size_t step,
                           Options options) {
  auto parser = make_output_parser(detect_output_format(source),
                                   {.tools = options.has_tools ? tools() : Json(),
                                    .starts_in_reasoning = options.starts_in_reasoning,
                                    .id_seed = 1});
  OutputEvent::Kind last = OutputEvent::Kind::kWarning;
  std::string text;
  for (std::size_t at = 0; at < answer.size(); at += step) {
    text += shown(parser->push(answer.substr(at, step)), last);
  }
  return text + shown(parser->finish(), last);
}

// What an answer comes to; the same however it is cut into pieces.
std::string parse(std::string_view source, std::string_view answer, Options options = {}) {
  const std::string whole = parse_in_steps(source, answer, answer.size() + 1, options);
  for (const std::size_t step : {1, 2, 3, 7}) {
    EXPECT_EQ(parse_in_steps(source, answer, step, options), whole) << "in steps of " << step;
  }
  return whole;
}

constexpr std::string_view kQwen = "<think></think><tool_call></tool_call>";

TEST(OutputParserTest, PlainText) {
  EXPECT_EQ(parse(kQwen, "Hello, a < b and <thing>\n"), "|Hello, a < b and <thing>\n");
  EXPECT_EQ(parse("", " spaced \n\n x "), "| spaced \n\n x ");
  EXPECT_EQ(parse(kQwen, ""), "");
}

TEST(OutputParserTest, Reasoning) {
  EXPECT_EQ(parse(kQwen, "<think>\nHm.\n\nYes.\n</think>\n\nAnswer."), "~Hm.\n\nYes.|Answer.");
  EXPECT_EQ(parse(kQwen, "Hm.\n</think>\n\nAnswer.", {.starts_in_reasoning = true}),
            "~Hm.|Answer.");
  EXPECT_EQ(parse(kQwen, "<think>\n\n</think>\n\nAnswer."), "|Answer.");
  EXPECT_EQ(parse(kQwen, "<think>cut off"), "~cut off");
  EXPECT_EQ(parse("[THINK]", "[THINK]a[/THINK]b"), "~a|b");
  EXPECT_EQ(parse("<|tool_call><|channel>thought\n<channel|>", "<|channel>thought\na\n<channel|>b"),
            "~a|b");
}

TEST(OutputParserTest, TextComesAsSoonAsItCan) {
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 1});
  EXPECT_EQ(parser->push("Hello").at(0).text, "Hello");
  EXPECT_EQ(parser->push(" <tool").size(), 0u);
  const auto events = parser->push("box>");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, " <toolbox>");
}

TEST(OutputParserTest, HermesCalls) {
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

TEST(OutputParserTest, BrokenCallsBecomeText) {
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

// Any text may stand in a value, the marker of the section's end as well.
TEST(OutputParserTest, TheEndOfACallMayStandInItsValues) {
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

// What seemed to be a value with an end in it may be none: then calls behind it are calls.
TEST(OutputParserTest, CallsBehindABrokenOneAreRead) {
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

// Text is what the model wrote. A call is taken out of it, and the white space around it stays
// where there is text on both sides, so that words don't run together.
TEST(OutputParserTest, WhiteSpaceBesideCalls) {
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

TEST(OutputParserTest, NothingComesBehindTheOnlyCall) {
  const std::string call = "<tool_call>{\"name\": \"weather\"}</tool_call>";
  for (const std::string& answer :
       {"A " + call + call + " B", call + "<tool_call>broken</tool_call>",
        call + " <think>a</think>B\n"}) {
    auto parser =
        make_output_parser(detect_output_format(kQwen), {.tools = tools(), .ends_with_call = true});
    std::vector<OutputEvent> events = parser->push(answer);
    for (OutputEvent& event : parser->finish()) events.push_back(std::move(event));
    ASSERT_FALSE(events.empty());
    EXPECT_TRUE(parser->is_over()) << answer;
    EXPECT_EQ(events.size(), answer[0] == 'A' ? 2u : 1u) << answer;
    EXPECT_EQ(events.back().kind, OutputEvent::Kind::kToolCall) << answer;
  }
}

// Qwen's values stand on lines of their own, those of others as they are.
TEST(OutputParserTest, NewlinesAroundValues) {
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

TEST(OutputParserTest, CallsOfToolsThatAreNotThereBecomeText) {
  const std::string unknown = "<tool_call>{\"name\": \"wether\"}</tool_call>";
  EXPECT_EQ(parse(kQwen, unknown), "!|" + unknown);
  EXPECT_EQ(parse(kQwen, unknown + "<tool_call>{\"name\": \"weather\"}</tool_call>"),
            "!|" + unknown + "#weather{}");
  EXPECT_EQ(parse("[TOOL_CALLS]", "[TOOL_CALLS]wether[ARGS]{}"), "!|[TOOL_CALLS]wether[ARGS]{}");
  auto parser = make_output_parser(detect_output_format(kQwen), {.tools = tools(), .id_seed = 1});
  EXPECT_EQ(parser->push(unknown)[0].text,
            "a tool call of the model cannot be understood (there is no tool with the name wether) "
            "and is shown as text");
}

TEST(OutputParserTest, WithoutToolsNothingIsACall) {
  const std::string call = "<tool_call>{\"name\": \"weather\"}</tool_call>";
  EXPECT_EQ(parse(kQwen, call, {.has_tools = false}), "|" + call);
}

TEST(OutputParserTest, FunctionTags) {
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

TEST(OutputParserTest, Glm) {
  EXPECT_EQ(parse(kQwen,
                  "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>5</arg_value>\n"
                  "<arg_key>days</arg_key>\n<arg_value>5</arg_value>\n</tool_call>"),
            R"(#weather{"city":"5","days":5})");
}

TEST(OutputParserTest, Llama) {
  constexpr std::string_view kLlama = "Environment: ipython";
  EXPECT_EQ(parse(kLlama, "{\"name\": \"weather\", \"parameters\": {\"city\": \"x\"}}"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse(kLlama, "<|python_tag|>weather.call(city=\"a b\", days=2)"),
            R"(#weather{"city":"a b","days":2})");
  EXPECT_EQ(parse(kLlama, "<|python_tag|>print(1)\n"), R"x(#python{"code":"print(1)"})x");
  EXPECT_EQ(parse(kLlama, "<|python_tag|>subprocess.call(['ls'])"),
            R"x(#python{"code":"subprocess.call(['ls'])"})x");
  EXPECT_EQ(parse(kLlama, R"({"name": "f"})"), "#f{}");
  EXPECT_EQ(parse(kLlama, R"({"name": "g"})"), R"(|{"name": "g"})");
  EXPECT_EQ(parse(kLlama, "{\"name\": \"Anna\", \"age\": 3}"), "|{\"name\": \"Anna\", \"age\": 3}");
  EXPECT_EQ(parse(kLlama, "{\"colour\": \"red\"}"), "|{\"colour\": \"red\"}");
}

TEST(OutputParserTest, Mistral) {
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

TEST(OutputParserTest, DeepSeek) {
  constexpr std::string_view kSource = "<think><｜tool▁calls▁begin｜>";
  EXPECT_EQ(
      parse(kSource,
            "a</think>b<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n"
            "```json\n{\"city\": \"x\"}\n```<｜tool▁call▁end｜><｜tool▁call▁begin｜>python"
            "<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            {.starts_in_reasoning = true}),
      R"(~a|b#weather{"city":"x"}#python{})");
  EXPECT_EQ(
      parse("｜DSML｜",
            "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"weather\">\n<｜DSML｜parameter "
            "name=\"city\" string=\"true\">1</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" "
            "string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
            "</｜DSML｜function_calls>"),
      R"(#weather{"city":"1","days":1})");
}

// What is called as the marks are is no mark, and text that looks like a number stays text.
TEST(OutputParserTest, NamesAndValuesThatLookLikeOthers) {
  EXPECT_EQ(parse("｜DSML｜",
                  "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"python\">\n"
                  "<｜DSML｜parameter name=\"string\" string=\"true\">1</｜DSML｜parameter>\n"
                  "<｜DSML｜parameter name=\"a_string\" string=\"true\">2</｜DSML｜parameter>\n"
                  "</｜DSML｜invoke>\n</｜DSML｜function_calls>"),
            R"(#python{"string":"1","a_string":"2"})");
  EXPECT_EQ(parse("<|open|>",
                  "<|open|>tools<|sep|><|open|>call tool=\"python\"<|sep|><|open|>argument "
                  "key=\"type\" type=\"string\"<|sep|>1<|close|>argument<|sep|><|close|>call<|sep|>"
                  "<|close|>tools<|sep|>"),
            R"(#python{"type":"1"})");
  const auto tool = [](std::string_view schema) {
    return OrderedJson::array(
        {{{"name", "f"}, {"parameters", {{"properties", {{"p", OrderedJson::parse(schema)}}}}}}});
  };
  const auto value = [&](std::string_view schema, std::string_view text) {
    return ToolTable(tool(schema)).typed_value("f", "p", text).dump();
  };
  constexpr std::string_view kList = R"({"type":["string","null"]})";
  constexpr std::string_view kAny = R"({"anyOf":[{"type":"integer"},{"type":"string"}]})";
  EXPECT_EQ(value(kList, "12345"), R"("12345")");
  EXPECT_EQ(value(kList, "null"), "null");
  EXPECT_EQ(value(kList, "true"), R"("true")");
  EXPECT_EQ(value(kAny, "12"), "12");
  EXPECT_EQ(value(kAny, "1.5"), R"("1.5")");
  EXPECT_EQ(value(R"({"anyOf":[{"$ref":"#/$defs/o"},{"type":"string"}]})", R"({"a":1})"),
            R"({"a":1})");
  EXPECT_EQ(value("{}", "12"), "12");
}

TEST(OutputParserTest, OtherFamilies) {
  EXPECT_EQ(parse("<|tool_calls_section_begin|>",
                  "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0"
                  "<|tool_call_argument_begin|>{\"city\": \"x\"}<|tool_call_end|>"
                  "<|tool_calls_section_end|>"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse("<|tool_call>",
                  "<|tool_call>call:weather{city:<|\"|>a, {b}<|\"|>,days:3,l:[1,true],o:{<|\"|>k"
                  "<|\"|>:null}}<tool_call|>"),
            R"(#weather{"city":"a, {b}","days":3,"l":[1,true],"o":{"k":null}})");
  EXPECT_EQ(parse("<|tool_call_start|>",
                  "<|tool_call_start|>[weather(city='it\\'s \"x\"', days=3), python()]"
                  "<|tool_call_end|>ok"),
            R"(#weather{"city":"it's \"x\"","days":3}#python{}|ok)");
  EXPECT_EQ(parse("<|tool_call_start|>",
                  "<|tool_call_start|>[python(code='if x:\n\ty()\r')]<|tool_call_end|>"),
            R"x(#python{"code":"if x:\n\ty()\r"})x");
  EXPECT_EQ(parse("<minimax:tool_call>",
                  "<minimax:tool_call>\n<invoke name=\"weather\">\n<parameter name=\"city\">x"
                  "</parameter>\n</invoke>\n</minimax:tool_call>"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse("<|START_ACTION|><|START_THINKING|>",
                  "<|START_THINKING|>a<|END_THINKING|><|START_ACTION|>[{\"tool_call_id\": \"0\", "
                  "\"tool_name\": \"weather\", \"parameters\": {}}]<|END_ACTION|>"),
            "~a#weather{}");
  EXPECT_EQ(parse("<|START_ACTION|>", "<|START_RESPONSE|>Hi<|END_RESPONSE|>"), "|Hi");
  EXPECT_EQ(
      parse("<TOOLCALL>", "<TOOLCALL>[{\"name\": \"weather\", \"arguments\": {}}]</TOOLCALL>"),
      "#weather{}");
  EXPECT_EQ(parse("", "{\"tool_calls\": [{\"name\": \"weather\", \"arguments\": {\"days\": 1}}]}"),
            R"(#weather{"days":1})");
}

TEST(OutputParserTest, KimiK3) {
  constexpr std::string_view kSign = "<|open|>";
  EXPECT_EQ(
      parse(kSign,
            "hm<|close|>think<|sep|><|open|>response<|sep|>I look.<|close|>response<|sep|>"
            "<|open|>tools<|sep|><|open|>call tool=\"weather\" index=\"1\"<|sep|><|open|>"
            "argument key=\"city\" type=\"string\"<|sep|>3<|close|>argument<|sep|><|open|>"
            "argument key=\"days\" type=\"number\"<|sep|>3<|close|>argument<|sep|><|close|>call"
            "<|sep|><|open|>call tool=\"python\" index=\"2\"<|sep|><|open|>json type=\"object\""
            "<|sep|>{\"code\": \"1\"}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools"
            "<|sep|><|close|>message<|sep|>",
            {.starts_in_reasoning = true}),
      R"(~hm|I look.#weather{"city":"3","days":3}#python{"code":"1"})");
  EXPECT_EQ(parse(kSign, "<|open|>tools<|sep|><|open|>call tool=\"weather\"<|sep|>"),
            "!|<|open|>tools<|sep|><|open|>call tool=\"weather\"<|sep|>");
}

// ~ stands for the mark in front of tags.
std::string elements(std::string text) {
  for (std::size_t at; (at = text.find('~')) != std::string::npos;) {
    text.replace(at, 1, "]<]minimax[>[");
  }
  return text;
}

TEST(OutputParserTest, MiniMaxM3) {
  constexpr std::string_view kSign = "]<]minimax[>[<mm:think>";
  EXPECT_EQ(
      parse(kSign, elements("<mm:think>hm</mm:think>ok~<tool_call>\n~<invoke name=\"weather\">"
                            "~<city>Rome~</city>~<days>3~</days>~<o>~<k>1~</k>~<l>~<item>a"
                            "~</item>~<item>~<x>true~</x>~</item>~</l>~</o>~</invoke>\n"
                            "~<invoke name=\"python\">~</invoke>\n~</tool_call>")),
      R"(~hm|ok#weather{"city":"Rome","days":3,"o":{"k":1,"l":["a",{"x":true}]}}#python{})");
  for (const char* broken :
       {"~<tool_call>~<invoke name=\"weather\">~<city>x~</tool_call>",
        "~<tool_call>~<invoke name=\"weather\">~<city>~<a>~</city>~</tool_call>",
        "~<tool_call>~<invoke>~</invoke>~</tool_call>"}) {
    EXPECT_EQ(parse(kSign, elements(broken)), "!|" + elements(broken));
  }
  std::string deep = "~<tool_call>~<invoke name=\"weather\">";
  for (int i = 0; i < 5'000; ++i) deep += "~<a>";
  deep = elements(deep + "~</tool_call>");
  EXPECT_EQ(parse_in_steps(kSign, deep, deep.size(), {}), "!|" + deep);
}

TEST(OutputParserTest, FamiliesWithTagsOfTheirOwn) {
  EXPECT_EQ(parse("<function name=",
                  "<function name=\"weather\"><param name=\"city\"> a\n</param><param "
                  "name=\"days\">3</param></function>ok"),
            R"(#weather{"city":" a\n","days":3}|ok)");
  EXPECT_EQ(parse("<function name=",
                  "<function name=\"python\"><param name=\"code\"><![CDATA[</param>&\n]]></param>"
                  "</function>"),
            R"(#python{"code":"</param>&\n"})");
  EXPECT_EQ(parse("<tool_sep{}>",
                  "<think:opensource>hm</think:opensource>ok<tool_calls:opensource>\n"
                  "<tool_call:opensource>weather<tool_sep:opensource>\n<arg_key:opensource>city"
                  "</arg_key:opensource>\n<arg_value:opensource>3</arg_value:opensource>\n"
                  "</tool_call:opensource>\n<tool_call:opensource>python<tool_sep:opensource>\n"
                  "</tool_call:opensource>\n</tool_calls:opensource>"),
            R"(~hm|ok#weather{"city":"3"}#python{})");
  EXPECT_EQ(
      parse("<|tools_prefix|><|inner_prefix|>",
            "<|inner_prefix|>hm<|inner_suffix|>ok<|tools_prefix|>[{\"weather\": {\"days\": 1}}, "
            "{\"python\": {}}]<|tools_suffix|>"),
      R"(~hm|ok#weather{"days":1}#python{})");
  EXPECT_EQ(parse("<|tools_prefix|>", "<|tools_prefix|>[3]<|tools_suffix|>"),
            "!|<|tools_prefix|>[3]<|tools_suffix|>");
  EXPECT_EQ(parse("<beginning_of_sentence>ipython",
                  "<tool_calls>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_calls>"),
            "#weather{}");
}

TEST(OutputParserTest, SolarOpen) {
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

constexpr std::string_view kHarmony = "<|start|><|channel|><|message|>";

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

// Nothing says that it is one, and no text may get lost.
TEST(MessageParserTest, TextThatBeginsLikeAHeaderIsShown) {
  EXPECT_EQ(parse(kHarmony, "analysis of both: fine."), "|analysis of both: fine.");
  std::string answer = "commentary";
  while (answer.size() < 600) answer += " more of it";
  EXPECT_EQ(parse(kHarmony, answer), "|" + answer);
  auto parser = make_output_parser(detect_output_format(kHarmony), {});
  EXPECT_FALSE(parser->push(answer).empty());
}

// A model may repeat a marker to the end of its context, and the answer may come as one.
TEST(OutputParserTest, ManyMarkersTakeLinearTime) {
  const auto repeated = [](std::string_view text) {
    std::string all;
    for (int i = 0; i < 100'000; ++i) all += text;
    return all;
  };
  const double begin_s = test::processor_time_s();
  const Options options;
  EXPECT_EQ(parse_in_steps(kQwen, repeated("</think>"), 1 << 20, options), "");
  const std::string_view harmony = "<|start|><|channel|><|message|>";
  EXPECT_EQ(parse_in_steps(harmony, repeated("<|message|><|end|>"), 1 << 21, options), "");
  EXPECT_NE(parse_in_steps(harmony, repeated(" to=f<|message|>\\\"<|end|>"), 1 << 21, options), "");
  EXPECT_LT(test::processor_time_s() - begin_s, 20);
}

// Where a call ends is looked for once, and once more where it was none, however it came.
TEST(OutputParserTest, CallsWithoutAnEndTakeLinearTime) {
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

TEST(OutputFormatTest, KnowsItsMarkers) {
  const OutputFormat qwen = detect_output_format(kQwen);
  EXPECT_TRUE(is_marker(qwen, "<tool_call>"));
  EXPECT_TRUE(is_marker(qwen, "</think>"));
  EXPECT_FALSE(is_marker(qwen, "<|im_end|>"));
  EXPECT_TRUE(is_marker(detect_output_format(kHarmony), "<|channel|>"));
  EXPECT_TRUE(ends_in_reasoning(qwen, "<|im_start|>assistant\n<think>\n"));
  EXPECT_FALSE(ends_in_reasoning(qwen, "<think></think>"));
  EXPECT_FALSE(ends_in_reasoning(detect_output_format(""), "x"));
}

}  // namespace
}  // namespace linnet
