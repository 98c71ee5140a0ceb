#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"
#include "chat/output/call_syntax.hpp"

namespace linnet {
namespace {

TEST(ElementCalls, KimiK3) {
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

TEST(ElementCalls, AKeyThatIsCalledAsAMarkIs) {
  EXPECT_EQ(parse("<|open|>",
                  "<|open|>tools<|sep|><|open|>call tool=\"python\"<|sep|><|open|>argument "
                  "key=\"type\" type=\"string\"<|sep|>1<|close|>argument<|sep|><|close|>call<|sep|>"
                  "<|close|>tools<|sep|>"),
            R"(#python{"type":"1"})");
}

// ~ stands for the mark in front of tags.
std::string elements(std::string text) {
  for (std::size_t at; (at = text.find('~')) != std::string::npos;) {
    text.replace(at, 1, "]<]minimax[>[");
  }
  return text;
}

TEST(ElementCalls, MiniMaxM3) {
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

}  // namespace
}  // namespace linnet
