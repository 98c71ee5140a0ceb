#include <gtest/gtest.h>

#include <fstream>

#include "chat/render.hpp"
#include "support/paths.hpp"

// Against Jinja2, on templates of our own: tests/oracles/jinja_cases.py says what the file holds.

namespace linnet::jinja {
namespace {

using Json = nlohmann::ordered_json;

const Json& cases() {
  static const Json file =
      Json::parse(std::ifstream(test::in_repository("tests/data/chat/jinja.json")));
  return file;
}

// `expected` is null where an error is due.
void check(const std::string& source, const Json& expected) {
  RenderOptions options;
  options.allow_mutation = true;
  const auto text = render_text(source, cases().at("data"), options);
  if (expected.is_null()) {
    EXPECT_FALSE(text.ok()) << source << " gives " << text->bytes();
    return;
  }
  ASSERT_TRUE(text.ok()) << source << ": " << text.error().message;
  EXPECT_EQ(text->bytes(), expected.get<std::string>()) << source;
}

TEST(CasesTest, Expressions) {
  const std::vector<std::string> values = cases().at("values");
  for (const Json& one : cases().at("expressions")) {
    const auto source = [&](const std::string& value) {
      return "{% set v = " + value + " %}{% set r = " + one.at("expression").get<std::string>() +
             " %}{{ r if r is string or r is number else r|list }}";
    };
    for (const auto& [number, text] : one.at("texts").items()) {
      check(source(values.at(std::stoul(number))), text);
    }
    for (const std::size_t number : one.at("errors")) check(source(values.at(number)), nullptr);
  }
}

TEST(CasesTest, Templates) {
  for (const Json& one : cases().at("templates")) check(one.at("template"), one.at("text"));
}

}  // namespace
}  // namespace linnet::jinja
