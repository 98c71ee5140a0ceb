#include "serve/requests/multipart.hpp"

#include <gmock/gmock.h>

#include "base/base64.hpp"

namespace linnet::serve {
namespace {

using testing::HasSubstr;

std::string part(const std::string& head, const std::string& content) {
  return "--line\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
}

const std::string kFile = part("name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav",
                               std::string("RI\0F\r\n", 6));

std::string problem(const std::string& body) {
  const auto fields = parse_multipart(body);
  return fields ? "" : fields.error().message;
}

TEST(Multipart, PartsAreFields) {
  const auto fields = parse_multipart(
      part("name=\"model\"", "linnet") + kFile + part("name=\"temperature\"", "0.5") +
      part("name=\"stream\"", "true") + part("name=\"prompt\"", "5 birds") + "--line--\r\n");
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((*fields)["model"], "linnet");
  EXPECT_EQ((*fields)["file"], encode_base64(std::string_view("RI\0F\r\n", 6)));
  EXPECT_EQ((*fields)["temperature"], 0.5);
  EXPECT_EQ((*fields)["stream"], true);
  EXPECT_EQ((*fields)["prompt"], "5 birds");
}

TEST(Multipart, TextsMayLookLikeNumbers) {
  const auto fields =
      parse_multipart(part("name=\"prompt\"", "1984") + part("name=\"model\"", "7") + "--line--");
  ASSERT_TRUE(fields) << fields.error().message;
  EXPECT_EQ((*fields)["prompt"], "1984");
  EXPECT_EQ((*fields)["model"], "7");
}

TEST(Multipart, JsonStaysJson) {
  const auto fields = parse_multipart(R"({"model": "linnet"})");
  ASSERT_TRUE(fields);
  EXPECT_EQ((*fields)["model"], "linnet");
}

TEST(Multipart, CutAnywhereIsAnError) {
  const std::string whole = kFile + part("name=\"model\"", "linnet") + "--line--";
  ASSERT_EQ(problem(whole), "");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(problem(whole.substr(0, size)), "") << size;
  }
}

TEST(Multipart, WhatIsWrongIsSaid) {
  EXPECT_THAT(problem("file=talk"), HasSubstr("neither JSON nor multipart/form-data"));
  EXPECT_THAT(problem(part("filename=\"a\"", "x") + "--line--"), HasSubstr("has no name"));
  EXPECT_THAT(problem(part("name=\"model\"", "\xff") + "--line--"), HasSubstr("no text in UTF-8"));
  std::string many;
  for (int i = 0; i < 65; ++i) many += part("name=\"a\"", "b");
  EXPECT_THAT(problem(many + "--line--"), HasSubstr("more than 64 parts"));
}

}  // namespace
}  // namespace linnet::serve
