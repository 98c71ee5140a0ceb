// Parsers and the like go as deep as they may, however small `ulimit -s` makes stacks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/paths.hpp"
#include "support/resource_limit.hpp"
#include "support/run_program.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// With 128 KiB, and as many as there are addresses.
class SmallStack : public testing::TestWithParam<std::int64_t> {
 protected:
  SmallStack() : limit_(RLIMIT_STACK, GetParam()) {}

  const test::ResourceLimit limit_;
};

TEST_P(SmallStack, AGrammarMayBeDeep) {
  const std::string schema =
      repeated(R"({"allOf":[)", 45) + R"({"type":"null"})" + repeated("]}", 45);
  const auto fits = test::run_program({"grammar", "--json-schema", schema, "null"});
  EXPECT_EQ(fits.status, 0) << fits.err;
  const std::string value = repeated("[", 95) + repeated("]", 95);
  const auto constant =
      test::run_program({"grammar", "--json-schema", R"({"const":)" + value + "}", value});
  EXPECT_EQ(constant.status, 0) << constant.err;
  const std::string groups = "root ::= " + repeated("(", 60) + R"("a")" + repeated("?)", 60);
  EXPECT_EQ(test::run_program({"grammar", "--grammar", groups, "a"}).status, 0);
  const std::string deeper = repeated(R"({"allOf":[)", 60) + "{}" + repeated("]}", 60);
  const auto too_deep = test::run_program({"grammar", "--json-schema", deeper, "null"});
  EXPECT_EQ(too_deep.status, 1);
  EXPECT_THAT(too_deep.err, HasSubstr("nested deeper than 100"));
}

TEST_P(SmallStack, ATemplateMayBeDeep) {
  const std::string macro = "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}";
  const auto template_of = [&](int depth) {
    return R"({"template": ")" + macro + "{{ m(" + std::to_string(depth) + R"() }}x", "data": {}})";
  };
  const auto deep = test::run_program({"template", "--jsonl"}, {.input = template_of(1 << 20)});
  EXPECT_EQ(deep.status, 0) << deep.err;
  EXPECT_THAT(deep.out, HasSubstr("nested or recurs more than 2000 deep"));
}

TEST_P(SmallStack, TextsAreGenerated) {
  const auto text =
      test::run_program({"generate", "--gguf", test::kBundledModel, "-m", "4", "--threads", "3"});
  EXPECT_EQ(text.status, 0) << text.err;
}

INSTANTIATE_TEST_SUITE_P(Limits, SmallStack, testing::Values(128 << 10, -1), [](const auto& info) {
  return std::string(info.param < 0 ? "Unlimited" : "Of128KiB");
});

}  // namespace
}  // namespace linnet
