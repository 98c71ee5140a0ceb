#include "serve/requests/json_request.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace linnet::serve {
namespace {

// {"a": [1,1,...]}, with `values` of them in all.
std::string body_with(std::size_t values) {
  std::string body = R"({"a":[1)";
  for (std::size_t i = 3; i < values; ++i) body += ",1";
  return body + "]}";
}

// A value of two bytes takes some twenty times as much memory.
TEST(JsonRequest, ABodyHasSoManyValues) {
  constexpr std::size_t kMost = std::size_t{1} << 22;
  EXPECT_TRUE(parse_body(body_with(kMost)));
  const auto refused = parse_body(body_with(kMost + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the body has more than 4194304 JSON values");
}

TEST(JsonRequest, AnErrorShortensTheNameOfAField) {
  const Json object = Json::object();
  Fields fields(object, "logit_bias");
  fields.fail(std::string(100'000, 'a'), "expected a token id");
  EXPECT_LT(fields.error()->message.size(), 200u);
  EXPECT_TRUE(fields.error()->param.starts_with("logit_bias.aaa"));
}

// What is wrong with the fields of {"message": ...} when a role and a source are required.
std::string problem_of(std::string_view message) {
  static constexpr std::array<std::string_view, 2> kRoles = {"user", "assistant"};
  const auto body = parse_body(std::string("{").append(message).append("}"));
  if (!body) return body.error().message;
  Fields fields(*body);
  fields.with_object("message", [](Fields& part) {
    part.required_one_of("role", kRoles);
    part.with_required_object("source", [](Fields& source) { source.required_text("data"); });
  });
  return fields.error() ? fields.error()->message : "";
}

TEST(JsonRequest, WhatIsRequiredIsMissedByItsPath) {
  EXPECT_EQ(problem_of(""), "");
  EXPECT_EQ(problem_of(R"("message":null)"), "");
  EXPECT_EQ(problem_of(R"("message":[])"), "message: expected an object, found a JSON array");
  EXPECT_EQ(problem_of(R"("message":{})"),
            "message.role: expected one of user, assistant, found nothing");
  EXPECT_EQ(problem_of(R"("message":{"role":"tool"})"),
            "message.role: expected one of user, assistant, found tool");
  EXPECT_EQ(problem_of(R"("message":{"role":"user"})"),
            "message.source: expected an object, found nothing");
  EXPECT_EQ(problem_of(R"("message":{"role":"user","source":1})"),
            "message.source: expected an object, found a JSON number");
  EXPECT_EQ(problem_of(R"("message":{"role":"user","source":{}})"),
            "message.source.data: expected a string, found nothing");
  EXPECT_EQ(problem_of(R"("message":{"role":"user","source":{"data":""}})"), "");
}

}  // namespace
}  // namespace linnet::serve
