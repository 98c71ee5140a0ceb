#include "base/base64.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace linnet {
namespace {

std::string decoded(std::string_view text) {
  const auto bytes = decode_base64(text);
  if (!bytes) return "error: " + bytes.error().message;
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

// https://www.rfc-editor.org/rfc/rfc4648#section-10
TEST(Base64, TheExamplesOfItsStandard) {
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decoded(text), bytes);
  }
}

TEST(Base64, AllBytesComeBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (std::size_t length = 250; length <= 256; ++length) {
    EXPECT_EQ(decoded(encode_base64(bytes.substr(0, length))), bytes.substr(0, length));
  }
}

TEST(Base64, AnythingElseIsAnError) {
  EXPECT_EQ(decoded("Zm9v\nYmFy"), "error: byte 4 is no digit of base64");
  EXPECT_EQ(decoded(" Zm9"), "error: byte 0 is no digit of base64");
  EXPECT_EQ(decoded("Zm-_"), "error: byte 2 is no digit of base64");
  EXPECT_EQ(decoded("Zg==Zg=="), "error: byte 2 is no digit of base64");
  EXPECT_EQ(decoded("===="), "error: byte 0 is no digit of base64");
  EXPECT_EQ(decoded("Z==="), "error: byte 1 is no digit of base64");
  EXPECT_EQ(decoded(std::string_view("Zm9\0", 4)), "error: byte 3 is no digit of base64");
  EXPECT_EQ(decoded("\xc3\xa4\xc3\xa4"), "error: byte 0 is no digit of base64");
  for (const char* text : {"Z", "Zg", "Zg=", "Zm8", "Zm9vY", "=", "=="}) {
    EXPECT_EQ(decoded(text).substr(0, 16), "error: the base6") << text;
  }
  EXPECT_EQ(decoded("Zh=="), "error: the base64 has bits behind the last byte");
  EXPECT_EQ(decoded("Zm9="), "error: the base64 has bits behind the last byte");
}

}  // namespace
}  // namespace linnet
