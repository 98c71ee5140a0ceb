#include "chat/json_text.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

TEST(JsonText, IsOneLineInTheOrderOfTheMembers) {
  EXPECT_EQ(json_text({{"b", 1}, {"a", {1, "\u20ac", nullptr}}}),
            "{\"b\":1,\"a\":[1,\"\u20ac\",null]}");
}

TEST(JsonText, BytesThatAreNotUtf8AreReplaced) {
  const Json json = {{"a", "x\xff\xe2\x82"}};
  EXPECT_EQ(json_text(json), "{\"a\":\"x\ufffd\ufffd\"}");
  EXPECT_EQ(ascii_json_text(json), R"({"a":"x\ufffd\ufffd"})");
  EXPECT_EQ(indented_json_text(json), "{\n  \"a\": \"x\ufffd\ufffd\"\n}");
}

TEST(JsonText, AsciiHasEscapesForAllElse) {
  EXPECT_EQ(ascii_json_text("\u20ac\u009b\x7f\n"), "\"\\u20ac\\u009b\\u007f\\n\"");
}

}  // namespace
}  // namespace linnet
