#pragma once

#include <vector>

#include "grammar/grammar_support.hpp"

namespace linnet::grammar::test {

struct SchemaCase {
  const char* schema;
  std::vector<std::string> accepted, rejected;
};

inline void check_cases(const std::vector<SchemaCase>& cases) {
  for (const SchemaCase& one : cases) {
    const auto automaton = must(compiled_schema(one.schema));
    for (const auto& text : one.accepted) {
      EXPECT_TRUE(accepts(automaton, text)) << one.schema << "\n  should take " << text;
    }
    for (const auto& text : one.rejected) {
      EXPECT_FALSE(accepts(automaton, text)) << one.schema << "\n  should not take " << text;
    }
  }
}

}  // namespace linnet::grammar::test
