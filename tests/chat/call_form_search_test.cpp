#include "chat/call_form_search.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/template_sources.hpp"
#include "support/paths.hpp"

namespace linnet {
namespace {

ChatTemplate create(const std::string& source) {
  auto chat = ChatTemplate::create({{"", source}}, {"<s>", "</s>"});
  EXPECT_TRUE(chat.ok()) << chat.error().message;
  return std::move(*chat);
}

const std::string kBegin =
    "{{ tools }}{% for message in messages %}<{{ message.role }}>{{ message.content or '' }}"
    "{% for call in message.tool_calls or [] %}";
const std::string kEnd =
    "{% endfor %}</s>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

TEST(CallForm, JsonBetweenTags) {
  const auto form =
      find_call_form(create(kBegin +
                            "<tool_call>{\"name\": \"{{ call.function.name }}\", \"arguments\": "
                            "{{ call.function.arguments | tojson }}}</tool_call>" +
                            kEnd));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->begin, "<tool_call>{\"name\": \"");
  EXPECT_EQ(form->middle, "\", \"arguments\": ");
  EXPECT_EQ(form->end, "}</tool_call>");
  EXPECT_EQ(form->between, "}</tool_call><tool_call>{\"name\": \"");
  EXPECT_TRUE(form->has_json_arguments);
}

TEST(CallForm, IdsAreFree) {
  const auto form = find_call_form(create(
      kBegin +
      "{% if loop.first %}[TOOL_CALLS][{% else %}, {% endif %}{\"name\": \"{{ call.function.name "
      "}}\", \"arguments\": {{ call.function.arguments | tojson }}, \"id\": \"{{ call.id }}\"}{% "
      "if loop.last %}]{% endif %}" +
      kEnd));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->end, ", \"id\": \"\x01\"}]");
  EXPECT_EQ(form->between, ", \"id\": \"\x01\"}, {\"name\": \"");
}

TEST(CallForm, EachArgumentForItself) {
  const auto form = find_call_form(create(
      kBegin +
      "<tool_call><function={{ call.function.name }}>{% for key, value in "
      "call.function.arguments.items() %}<parameter={{ key }}>\n{{ value }}\n</parameter>{% endfor "
      "%}</function></tool_call>" +
      kEnd));
  ASSERT_TRUE(form);
  EXPECT_FALSE(form->has_json_arguments);
  EXPECT_EQ(form->begin, "<tool_call><function=");
  EXPECT_EQ(form->before_key, "><parameter=");
  EXPECT_EQ(form->before_text, ">\n");
  EXPECT_EQ(form->after_value, "\n</parameter");
  EXPECT_EQ(form->text_end, "</parameter>");
  EXPECT_EQ(form->end, "></function></tool_call>");
}

TEST(CallForm, ThinkingThatIsLeftOutLater) {
  const auto form = find_call_form(
      create("{% for message in messages %}<{{ message.role }}>{{ message.content or '' }}{% for "
             "call in message.tool_calls or [] %}<tool_call>{\"name\": \"{{ call.function.name }}"
             "\", \"arguments\": {{ call.function.arguments | tojson }}}</tool_call>{% endfor "
             "%}</s>{% endfor %}{{ tools }}{% if add_generation_prompt %}<assistant><think>\n"
             "</think>\n\n{% endif %}"));
  EXPECT_FALSE(form) << "the tools stand behind the messages";
  const auto behind =
      find_call_form(create(
          kBegin + "<tool_call>{\"name\": \"{{ call.function.name }}\", \"arguments\": "
                   "{{ call.function.arguments | tojson }}}</tool_call>{% endfor %}</s>{% endfor %}"
                   "{% if add_generation_prompt %}<assistant><think>\n</think>\n\n{% endif %}"));
  ASSERT_TRUE(behind);
  EXPECT_EQ(behind->begin, "<tool_call>{\"name\": \"");
}

// Templates that show no calls, or a notation that takes more than looking at it.
TEST(CallForm, OfFamiliesThatAreKnown) {
  const auto of_family = [](const std::string& sign) {
    return find_call_form(create("{# " + sign + " #}" + kBegin + "?" + kEnd));
  };
  for (const char* const sign : {"<|tool_call>", "<start_function_call>", "<|tool_list_start|>",
                                 "<|tool_call|>", "]<]minimax[>[", "<tool_calls>["}) {
    const auto form = of_family(sign);
    ASSERT_TRUE(form) << sign;
    EXPECT_TRUE(form->between) << sign;
  }
  EXPECT_EQ(of_family("<|tool_call>")->separator, ",");
  EXPECT_EQ(of_family("<|tool_call|>")->begin, "<|tool_call|>[{\"name\": \"");
  EXPECT_EQ(of_family("<TOOLCALL>")->begin, "{\"tool_calls\":[{\"name\":\"")
      << "as earlier calls are shown";
}

TEST(CallForm, WithoutToolsTheGenericOne) {
  const auto sources = find_chat_template("chatml");
  ASSERT_TRUE(sources.ok());
  const auto form = find_call_form(create(sources->at("")));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->begin, "{\"tool_calls\":[{\"name\":\"");
}

// A model writes calls as its template shows them to it, not as others are told to.
TEST(CallForm, OfATemplateOfNoKnownFamilyItsOwn) {
  const auto form = find_call_form(create(kBegin +
                                          "{\"name\": \"{{ call.function.name }}\", \"arguments\": "
                                          "{{ call.function.arguments | tojson }}}" +
                                          kEnd));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->begin, "{\"name\": \"");
}

TEST(CallForm, WhatIsNotReadBackIsNoForm) {
  EXPECT_FALSE(find_call_form(
      create(kBegin + "<tool_call>{{ call.function.name }}!{{ call.function.arguments | tojson }}" +
             "</tool_call>" + kEnd)));
  EXPECT_FALSE(find_call_form(create("{{ missing.part }}")));
}

// Muse Glimmer's calls have the name in the header of their message and in themselves.
TEST(CallForm, TheNameMayStandThereTwice) {
  const auto form = find_call_form(
      create(kBegin +
             " to={{ call.function.name }}<|message|><atem:function_calls>\n<atem:invoke name=\"{{ "
             "call.function.name }}\">\n{% for key, value in call.function.arguments.items() "
             "%}<atem:parameter name=\"{{ key }}\">{{ value }}</atem:parameter>\n{% endfor "
             "%}</atem:invoke>\n</atem:function_calls>" +
             kEnd));
  ASSERT_TRUE(form);
  EXPECT_THAT(form->middle_behind("f"), testing::HasSubstr("<atem:invoke name=\"f\""));
}

// Of the real templates that are at hand, so many have a form that is found.
TEST(CallForm, MostRealTemplatesHaveOne) {
  const std::filesystem::path folder = test::in_repository("../shared/oracle/chat/templates");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ostringstream source;
    source << std::ifstream(entry.path()).rdbuf();
    auto chat = ChatTemplate::create({{"", source.str()}}, {"<s>", "</s>"});
    if (chat && find_call_form(*chat)) ++found;
  }
  EXPECT_GE(found, 65);
}

}  // namespace
}  // namespace linnet
