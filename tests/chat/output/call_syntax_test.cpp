#include "chat/output/call_syntax.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(CallSyntax, TextThatLooksLikeANumberStaysText) {
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

// As deep as any other arguments, whatever the notation.
TEST(CallSyntax, ArgumentsHaveALimitOfDepth) {
  const ToolTable tools(OrderedJson::parse(R"([{"function": {"name": "f"}}])"));
  const auto call = [](int depth) {
    return ParsedCall{
        "",
        "f",
        {{"a", OrderedJson::parse(std::string(depth - 1, '[') + std::string(depth - 1, ']'))}}};
  };
  EXPECT_TRUE(tools.check({call(kMaxArgumentDepth)}).ok());
  EXPECT_EQ(tools.check({call(kMaxArgumentDepth + 1)}).error().message,
            "its arguments are nested more than 64 deep");
}

}  // namespace
}  // namespace linnet
