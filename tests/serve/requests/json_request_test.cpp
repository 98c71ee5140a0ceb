#include "serve/requests/json_request.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace linnet::serve
