#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "chat/call_form_search.hpp"
#include "chat/output/output_parser.hpp"
#include "grammar/matcher.hpp"
#include "serve/constraints/answer_grammar.hpp"
#include "support/paths.hpp"

// A call that is forced must be read as what it is, whatever stands in its arguments. The templates
// are in ../shared/oracle/chat, which the project may not hold a copy of.

namespace linnet::serve {
namespace {

const std::filesystem::path kFolder = test::in_repository("../shared/oracle/chat/templates");

// Texts that are markers somewhere, and what else might confuse.
const std::vector<std::string> kWords = {"a</tool_call>b",
                                         "</function>\n</tool_call>",
                                         "<tool_call>",
                                         "</think>",
                                         "[TOOL_CALLS]",
                                         "<|tool_call_end|>",
                                         "<tool_call|>",
                                         "<|END_ACTION|>",
                                         "it's \"so\" \\",
                                         "{\"a\": [",
                                         "</tool_calls>",
                                         "<|/tool_call|>",
                                         "<|\"|>",
                                         "</parameter>",
                                         "</arg_value>",
                                         "]<]minimax[>[",
                                         "<function=f>",
                                         "<parameter=a>",
                                         "<|call|>",
                                         "<|end|>",
                                         "</param><![CDATA[",
                                         "\n\n"};

Json tools() {
  Json words = Json::array();
  for (const std::string& word : kWords) words.push_back(word);
  Json tools = Json::parse(R"([{"type": "function", "function": {"name": "look_up",
    "description": "Looks up", "parameters": {"type": "object", "properties": {
      "typed": {"type": "string"}, "plain": {}, "free": {"type": "string"},
      "list": {"type": "array", "items": {}, "minItems": 1, "maxItems": 2},
      "object": {"type": "object", "properties": {"k": {}}, "required": ["k"],
        "additionalProperties": false},
      "count": {"enum": [1, null, true]}},
      "required": ["typed", "plain", "list"], "additionalProperties": false}}},
    {"type": "function", "function": {"name": "nothing", "description": "Does nothing",
      "parameters": {"type": "object", "properties": {}, "additionalProperties": false}}}])");
  Json& properties = tools[0]["function"]["parameters"]["properties"];
  for (auto& [key, schema] : properties.items()) schema["description"] = "words";
  properties["typed"]["enum"] = words;
  properties["plain"]["enum"] = words;
  properties["list"]["items"]["enum"] = words;
  properties["object"]["properties"]["k"]["enum"] = words;
  return tools;
}

// Writes what the grammar allows: words that would confuse as far as it lets them come, and pieces
// of the form, so that values find their ends.
class Writer {
 public:
  Writer(const CallForm& form, std::uint64_t seed) : random_(seed), words_(kWords) {
    for (const std::string& text : {form.end, form.middle, form.after_value, form.after_text,
                                    form.text_end, form.between.value_or(""), form.separator}) {
      if (!text.empty()) words_.push_back(text);
    }
    for (const char* const sign : {"\"", "\"", "}", "]", ","}) words_.emplace_back(sign);
  }

  // Empty where it came to no end.
  std::string write(grammar::Matcher matcher) {
    std::string text;
    while (!matcher.complete()) {
      if (text.size() > 6'000) return {};
      const std::string& word = words_[random_() % words_.size()];
      if (!add(word, matcher, text) && !add_any(matcher, text)) return {};
    }
    return text;
  }

 private:
  static bool add(std::string_view word, grammar::Matcher& matcher, std::string& text) {
    bool added = false;
    for (const char c : word) {
      grammar::Matcher next = matcher;
      if (!next.advance(std::string_view(&c, 1))) break;
      matcher = std::move(next);
      text += c;
      added = true;
    }
    return added;
  }
  bool add_any(grammar::Matcher& matcher, std::string& text) {
    const auto first = static_cast<unsigned>(random_() % 128);
    for (unsigned i = 0; i < 256; ++i) {
      const auto c = static_cast<char>(i < 128 ? (first + i) % 128 : i);
      if (add(std::string_view(&c, 1), matcher, text)) return true;
    }
    ADD_FAILURE() << "nothing may follow " << text;
    return false;
  }

  std::mt19937_64 random_;
  std::vector<std::string> words_;
};

bool is_word(const Json& value) {
  return value.is_string() && std::ranges::find(kWords, value.get<std::string>()) != kWords.end();
}

void expect_valid(const ToolCall& call) {
  const Json arguments = Json::parse(call.arguments, nullptr, false);
  ASSERT_TRUE(arguments.is_object()) << call.arguments;
  const auto value = [&](const char* key) { return arguments.value(key, Json()); };
  if (call.name == "nothing") {
    EXPECT_TRUE(arguments.empty()) << call.arguments;
    return;
  }
  EXPECT_TRUE(is_word(value("typed"))) << call.arguments;
  EXPECT_TRUE(is_word(value("plain"))) << call.arguments;
  ASSERT_TRUE(value("list").is_array()) << call.arguments;
  EXPECT_TRUE(std::ranges::all_of(value("list"), is_word)) << call.arguments;
  EXPECT_TRUE(value("free").is_string() || !arguments.contains("free")) << call.arguments;
  EXPECT_TRUE(!arguments.contains("object") || is_word(arguments["object"]["k"]));
  EXPECT_FALSE(value("count").is_string()) << call.arguments;
}

void expect_read_back(const OutputFormat& format, const std::string& answer) {
  auto parser = make_output_parser(format, {.tools = tools()});
  std::vector<OutputEvent> events = parser->push(answer);
  for (OutputEvent& event : parser->finish()) events.push_back(std::move(event));
  EXPECT_FALSE(events.empty());
  for (const OutputEvent& event : events) {
    ASSERT_EQ(event.kind, OutputEvent::Kind::kToolCall) << event.text << "\nin\n" << answer;
    expect_valid(event.call);
  }
}

TEST(ForcedCalls, AreReadBackInAllRealTemplates) {
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << kFolder << " is absent";
  int forms = 0, answers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    std::ostringstream source;
    source << std::ifstream(entry.path()).rdbuf();
    const auto chat = ChatTemplate::create({{"", source.str()}}, {"<s>", "</s>"});
    const auto form = chat ? find_call_form(*chat) : std::nullopt;
    if (!form) continue;
    SCOPED_TRACE(entry.path().filename());
    ++forms;
    const auto prompt = chat->render(
        {.messages = Json::parse(R"([{"role": "user", "content": "?"}])"), .tools = tools()});
    ASSERT_TRUE(prompt) << prompt.error().message;
    const std::vector<ControlToken> no_tokens;
    const auto grammar = make_call_grammar(*form, tools(), {}, MarkerSpelling(no_tokens));
    ASSERT_TRUE(grammar) << grammar.error().message;
    const auto automaton = grammar::PushdownAutomaton::compile(*grammar);
    ASSERT_TRUE(automaton) << automaton.error().message;
    const auto start = grammar::Matcher::create(*automaton);
    ASSERT_TRUE(start) << start.error().message;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const std::string answer = Writer(*form, seed).write(*start);
      if (answer.empty()) continue;
      ++answers;
      expect_read_back(prompt->output_format, answer);
      if (HasFailure()) break;
    }
  }
  EXPECT_GE(forms, 64);
  EXPECT_GE(answers, 8 * forms);
}

}  // namespace
}  // namespace linnet::serve
