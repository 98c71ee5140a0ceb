// The grammars and schemas of ../shared/oracle/grammar with the texts that they accept and reject.

#include <fstream>
#include <nlohmann/json.hpp>

#include "grammar/grammar_support.hpp"
#include "support/paths.hpp"

namespace linnet::grammar::test {
namespace {

TEST(Golden, AcceptsAndRejects) {
  const auto path = linnet::test::in_repository("../shared/oracle/grammar/accept-reject.json");
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << path << " is not there";
  const auto cases = nlohmann::json::parse(file);
  int missing = 0;
  for (const auto& one : cases) {
    const bool is_schema = one["kind"] == "schema";
    const std::string source = one[is_schema ? "schema" : "grammar"];
    const auto automaton = must(is_schema ? compiled_schema(source) : compiled_gbnf(source));
    for (const auto& [key, wanted] : {std::pair{"pass", true}, std::pair{"fail", false}}) {
      for (const auto& text : one[key]) {
        if (text.is_null()) {  // tokens, not characters, which the file does not hold
          ++missing;
          continue;
        }
        EXPECT_EQ(accepts(automaton, text.get<std::string>()), wanted)
            << one["name"] << ": " << text;
      }
    }
  }
  EXPECT_EQ(missing, 10) << "all of them in `complex grammar with tokens`, see gbnf_test.cpp";
}

}  // namespace
}  // namespace linnet::grammar::test
