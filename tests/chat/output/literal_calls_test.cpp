#include <gtest/gtest.h>

#include "chat/output/answer_text.hpp"

namespace linnet {
namespace {

TEST(LiteralCalls, Llama) {
  constexpr std::string_view kLlama = "Environment: ipython";
  EXPECT_EQ(parse(kLlama, "{\"name\": \"weather\", \"parameters\": {\"city\": \"x\"}}"),
            R"(#weather{"city":"x"})");
  EXPECT_EQ(parse(kLlama, "<|python_tag|>weather.call(city=\"a b\", days=2)"),
            R"(#weather{"city":"a b","days":2})");
  EXPECT_EQ(parse(kLlama, "<|python_tag|>print(1)\n"), R"x(#python{"code":"print(1)"})x");
  EXPECT_EQ(parse(kLlama, "<|python_tag|>subprocess.call(['ls'])"),
            R"x(#python{"code":"subprocess.call(['ls'])"})x");
  EXPECT_EQ(parse(kLlama, R"(<|python_tag|>{"code": "1"})"), R"(#python{"code":"1"})");
  EXPECT_EQ(parse(kLlama, R"(<|python_tag|>{"a": "1"})"), R"(!|<|python_tag|>{"a": "1"})");
  EXPECT_EQ(parse(kLlama, R"({"name": "f"})"), "#f{}");
  EXPECT_EQ(parse(kLlama, R"({"name": "g"})"), R"(|{"name": "g"})");
  EXPECT_EQ(parse(kLlama, "{\"name\": \"Anna\", \"age\": 3}"), "|{\"name\": \"Anna\", \"age\": 3}");
  EXPECT_EQ(parse(kLlama, "{\"colour\": \"red\"}"), "|{\"colour\": \"red\"}");
}

TEST(LiteralCalls, Gemma) {
  EXPECT_EQ(parse("<|tool_call>",
                  "<|tool_call>call:weather{city:<|\"|>a, {b}<|\"|>,days:3,l:[1,true],o:{<|\"|>k"
                  "<|\"|>:null}}<tool_call|>"),
            R"(#weather{"city":"a, {b}","days":3,"l":[1,true],"o":{"k":null}})");
}

TEST(LiteralCalls, Python) {
  EXPECT_EQ(parse("<|tool_call_start|>",
                  "<|tool_call_start|>[weather(city='it\\'s \"x\"', days=3), python()]"
                  "<|tool_call_end|>ok"),
            R"(#weather{"city":"it's \"x\"","days":3}#python{}|ok)");
  EXPECT_EQ(parse("<|tool_call_start|>",
                  "<|tool_call_start|>[python(code='if x:\n\ty()\r')]<|tool_call_end|>"),
            R"x(#python{"code":"if x:\n\ty()\r"})x");
}

}  // namespace
}  // namespace linnet
