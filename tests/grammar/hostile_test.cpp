// Grammars and schemas that are made to crash, to hang or to take all memory. Each must be answered
// in time, with a result or an error.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <ctime>

#include "base/utf8.hpp"
#include "grammar/grammar_support.hpp"
#include "support/resource_limit.hpp"

namespace linnet::grammar::test {
namespace {

std::string repeated(std::string_view part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

std::string listed(int count, const auto& item) {
  std::string text;
  for (int i = 0; i < count; ++i) text.append(i > 0 ? "," : "").append(item(i));
  return text;
}

class Hostile : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_LT((std::clock() - start_) / CLOCKS_PER_SEC, linnet::test::kHasSanitizer ? 300 : 60)
        << "seconds of processor time";
  }
  const std::clock_t start_ = std::clock();  // a busy machine is no failure
};

TEST_F(Hostile, DeepNesting) {
  EXPECT_NE(error_of(compiled_gbnf("root ::= " + repeated("(", 100'000))), "");
  EXPECT_NE(error_of(compiled_gbnf("root ::= \"a\"" + repeated("*", 100'000))), "");
  EXPECT_NE(error_of(compiled_regex(repeated("(", 60'000))), "");
  EXPECT_NE(error_of(compiled_schema(repeated("[", 1'000'000))), "");
  EXPECT_NE(error_of(compiled_schema(repeated(R"({"items":)", 100'000))), "");
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 20'000; ++i) chain += fmt::format("r{} ::= r{}\n", i, i + 1);
  chain += "r20000 ::= \"a\"";
  EXPECT_TRUE(accepts(must(compiled_gbnf(chain)), "a"));
}

TEST_F(Hostile, HugeRepetitions) {
  const auto billion = must(compiled_gbnf("root ::= \"a\"{3,1000000000}"));
  EXPECT_FALSE(accepts(billion, "aa"));
  EXPECT_TRUE(accepts(billion, std::string(100'000, 'a')));
  EXPECT_LT(billion->state_count(), 20'000u);
  const auto exact = must(compiled_gbnf("root ::= (\"a\" | \"b\"){100000}"));
  EXPECT_TRUE(accepts(exact, std::string(100'000, 'b')));
  EXPECT_FALSE(accepts(exact, std::string(99'999, 'b')));
  EXPECT_FALSE(accepts(exact, std::string(100'001, 'b')));
  const auto nested = compiled_gbnf("root ::= ((((\"a\"{1000}){1000}){1000}){1000}){1000}");
  if (nested) {
    EXPECT_FALSE(accepts(*nested, "aaaa"));
  }
  EXPECT_NE(error_of(compiled_regex("((((^a|b){1000}){1000}){1000}){1000}")), "");
  must(compiled_schema(R"({"type":"array","minItems":1000000,"items":{"type":"integer"}})"));
  EXPECT_NE(
      error_of(compiled_schema(R"({"type":"string","pattern":"^(a|b)*$","maxLength":999999999})")),
      "");
  EXPECT_NE(
      error_of(compiled_schema(
          R"({"properties":{"a":{},"b":{}},"maxProperties":1000000000,"additionalProperties":true})")),
      "");
}

TEST_F(Hostile, CopiesOfCopies) {
  EXPECT_NE(error_of(compiled_gbnf("root ::= \"x\"" + repeated("{2}", 60))), "");
  EXPECT_NE(error_of(compiled_gbnf("root ::= \"x\"" + repeated("{0,100000}", 60))), "");
  EXPECT_NE(error_of(compiled_regex(repeated("(?:", 60) + "a" + repeated("){2}", 60))), "");
}

TEST_F(Hostile, ManyClasses) {
  must(compiled_regex(fmt::format("[{}]", repeated("\\p{L}", 13'000))));
  EXPECT_NE(error_of(compiled_regex("\\p{L}{199000}|^b")), "");
  EXPECT_THAT(error_of(compiled_regex(repeated("(?=.)", 5000) + "x{50000}")),
              testing::HasSubstr("more than 16 lookaheads are not supported"));
}

TEST_F(Hostile, AutomataThatWouldExplode) {
  const auto late =
      must(compiled_gbnf("root ::= [ab]* \"a\" [ab]{30}"));  // 2^30 states if made deterministic
  EXPECT_TRUE(accepts(late, "bbba" + std::string(30, 'b')));
  EXPECT_FALSE(accepts(late, "bbbb" + std::string(30, 'b')));
  EXPECT_NE(error_of(compiled_schema(R"({"type":"string","pattern":"a[ab]{40}$"})")), "");
  std::string any = R"({"type":"object","allOf":[)";
  for (int i = 0; i < 30; ++i) {
    any += fmt::format(R"({}{{"anyOf":[{{"minProperties":0}},{{"maxProperties":9}}]}})",
                       i > 0 ? "," : "");
  }
  EXPECT_NE(error_of(compiled_schema(any + "]}")), "");
}

TEST_F(Hostile, ExponentialAmbiguity) {
  const auto doubled =
      must(compiled_gbnf("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\" root root | \"a\""));
  EXPECT_TRUE(accepts(doubled, std::string(201, 'a')));
  const auto both_sides = must(compiled_gbnf("root ::= root root | \"a\" | \"\""));
  EXPECT_TRUE(accepts(both_sides, std::string(500, 'a')));
  const auto stars = must(compiled_gbnf("root ::= ((((\"a\"*)*)*)*)* \"b\""));
  EXPECT_FALSE(accepts(stars, std::string(10'000, 'a')));
  const auto optionals = must(compiled_gbnf("root ::= (\"a\"? \"a\"? \"a\"?){0,400}"));
  EXPECT_TRUE(accepts(optionals, std::string(1000, 'a')));
}

TEST_F(Hostile, TooManyWaysAreAnErrorAndNotAHang) {
  const auto automaton = must(compiled_gbnf("root ::= \"a\" root \"b\" | \"a\" root root | \"a\""));
  auto matcher = Matcher::create(automaton, {.depth = 100'000, .configurations = 100});
  ASSERT_TRUE(matcher);
  matcher->advance(std::string(2000, 'a'));
  EXPECT_FALSE(matcher->within_limits());
}

TEST_F(Hostile, AmbiguousSessionsGoOnOrEndInAnError) {
  const auto automaton = must(compiled_gbnf("root ::= \"a\" root \"b\" | \"a\" root root | \"a\""));
  const auto vocabulary = byte_vocabulary({"aaaa"});
  const auto generate = [&](const MatchLimits& limits) -> Status {
    GrammarSession session = session_of(automaton, vocabulary, limits);
    for (int i = 0; i < 300 && session.allows('a'); ++i) {
      if (const Status status = session.accept('a'); !status) return status;
    }
    return session.within_limits();
  };
  EXPECT_TRUE(generate({}));
  EXPECT_FALSE(generate({.work = 100}));
  EXPECT_FALSE(generate({.configurations = 20}));
  EXPECT_FALSE(generate({.mask_work = 1000}));
}

TEST_F(Hostile, LeftRecursionThroughManyRules) {
  std::string grammar = "root ::= r0\n";
  for (int i = 0; i < 300; ++i) {
    grammar += fmt::format("r{} ::= r{} \"x\" | r{} \"y\" | \"{}\"\n", i, (i + 1) % 300,
                           i * 7 % 300, static_cast<char>('a' + i % 20));
  }
  const auto automaton = compiled_gbnf(grammar);
  if (automaton) {
    EXPECT_TRUE(accepts(*automaton, "a"));
  } else {
    EXPECT_NE(error_of(automaton).find("calls itself before it reads anything"), std::string::npos);
  }
}

TEST_F(Hostile, SchemasWithManyProperties) {
  std::string schema = R"({"type":"object","additionalProperties":true,"properties":{)";
  for (int i = 0; i < 1000; ++i) {
    schema += fmt::format(R"({}"property{}":{{"type":"integer"}})", i > 0 ? "," : "", i);
  }
  const auto automaton = must(compiled_schema(schema + "}}"));
  EXPECT_TRUE(accepts(automaton, R"({"property3":1,"property900":2,"more":{}})"));
  EXPECT_FALSE(accepts(automaton, R"({"property3":"1"})"));
  std::string keys = "{";
  for (int i = 0; i < 100'000; ++i) keys += fmt::format(R"({}"{}":{{}})", i > 0 ? "," : "", i);
  EXPECT_NE(error_of(compiled_schema(keys + "}")), "");
}

TEST_F(Hostile, SchemasThatReferInCircles) {
  EXPECT_EQ(error_of(compiled_schema(R"({"$ref":"#"})")), "the grammar matches no text");
  EXPECT_EQ(error_of(compiled_schema(
                R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#"}]}}})")),
            "the grammar matches no text");
  EXPECT_NE(error_of(compiled_schema(R"({"not":{"$ref":"#"}})")), "");
  EXPECT_EQ(error_of(compiled_schema(R"({"type":"array","minItems":1,"items":{"$ref":"#"}})")),
            "the grammar matches no text");
  std::string chain = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 3000; ++i) {
    chain += fmt::format(R"("a{}":{{"$ref":"#/$defs/a{}"}},)", i, i + 1);
  }
  const std::string error = error_of(compiled_schema(chain + R"("a3000":{"type":"null"}}})"));
  EXPECT_NE(error.find("nested too deeply"), std::string::npos) << error;
  std::string deep = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 3000; ++i) {
    deep += fmt::format(R"("a{}":{{"items":{{"$ref":"#/$defs/a{}"}}}},)", i, i + 1);
  }
  EXPECT_TRUE(accepts(must(compiled_schema(deep + R"("a3000":{"type":"null"}}})")), "[[]]"));
}

TEST_F(Hostile, OppositesOfSchemasThatReferAndRefer) {
  std::string chain = R"({"type":"string","not":{"$ref":"#/$defs/a/0"},"$defs":{"a":[)";
  for (int i = 0; i < 20'000; ++i) chain += fmt::format(R"({{"$ref":"#/$defs/a/{}"}},)", i + 1);
  const std::string error = error_of(compiled_schema(chain + R"({"type":"null"}]}})"));
  EXPECT_NE(error.find("nested too deeply"), std::string::npos) << error;
}

TEST_F(Hostile, OppositesOfOppositesOfWhatIsLarge) {
  std::string schema = fmt::format(
      R"({{"enum":[{}]}})", listed(100'000, [](int i) { return fmt::format(R"("{}")", i); }));
  for (int i = 0; i < 40; ++i) schema = fmt::format(R"({{"allOf":[{}]}})", schema);
  EXPECT_THAT(error_of(compiled_schema(R"({"type":"string","not":)" + schema + "}")),
              testing::HasSubstr("have more than 200000 parts"));
  const auto zero = [](int) { return std::string("0"); };
  const auto any = [](int) { return std::string("{}"); };
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"type":"array","not":{{"const":[{}]}}}})",
                                                   listed(100'000, zero)))),
              testing::HasSubstr("have more than 200000 parts"));
  EXPECT_THAT(error_of(compiled_schema(fmt::format(
                  R"({{"type":"array","not":{{"prefixItems":[{}]}}}})", listed(100'000, any)))),
              testing::HasSubstr("have more than 200000 parts"));
}

TEST_F(Hostile, RepetitionsOfRepetitions) {
  // In 60 groups, of each of which there are 60 repetitions.
  std::string grammar = "root ::= " + std::string(60, '(') + R"("a")";
  for (int i = 0; i < 60; ++i) grammar += std::string(60, '?') + ")";
  EXPECT_NE(error_of(compiled_gbnf(grammar + "\n")).find("nested more than 256 deep"),
            std::string::npos);
  EXPECT_TRUE(accepts(must(compiled_gbnf("root ::= \"a\"" + std::string(200, '?') + "\n")), "a"));
}

TEST_F(Hostile, RulesThatCallOneAfterTheOther) {
  std::string grammar = "root ::= r0\n";
  for (int i = 0; i < 20'000; ++i) grammar += fmt::format("r{} ::= (r{} | \"x\")?\n", i, i + 1);
  EXPECT_TRUE(accepts(must(compiled_gbnf(grammar + "r20000 ::= \"y\"\n")), "x"));
}

TEST_F(Hostile, SchemasWithManyValues) {
  const auto number = [](int i) { return fmt::format("{}", i); };
  const auto automaton =
      must(compiled_schema(fmt::format(R"({{"enum":[{}]}})", listed(40'000, number))));
  EXPECT_TRUE(accepts(automaton, "39999"));
  EXPECT_FALSE(accepts(automaton, "40000"));
  const std::string both = R"({{"allOf":[{{"enum":[{}]}},{{"enum":[{},"x"]}}]}})";
  const auto text = [](int i) { return fmt::format(R"("{}")", i); };
  EXPECT_EQ(error_of(compiled_schema(
                fmt::format(fmt::runtime(both), listed(100'000, number), listed(100'000, text)))),
            "the grammar matches no text");
  std::string deep = "{}";
  for (int i = 0; i < 60; ++i) deep = fmt::format(R"({{"x":{}}})", deep);
  EXPECT_THAT(error_of(compiled_schema(R"({"enum":[)" + deep +
                                       R"(],"$ref":"#/$defs/p","$defs":{"p":{"properties":{"x":
                  {"allOf":[{"$ref":"#/$defs/p"},{"$ref":"#/$defs/p"}]}}}}})")),
              testing::HasSubstr("checking the values of enum and const takes too long"));
  const auto reference = [](int i) { return fmt::format(R"("p{}":{{"$ref":"#/$defs/b"}})", i); };
  const std::string shared = R"({{"properties":{{{}}},"$defs":{{"b":{{"enum":[{}]}}}}}})";
  EXPECT_THAT(error_of(compiled_schema(
                  fmt::format(fmt::runtime(shared), listed(3000, reference), listed(3000, text)))),
              testing::HasSubstr("more than 200000 states"));
}

// Of the grammar alone, before an automaton is made of it.
std::string grammar_error_of(const std::string& schema) {
  const auto json = parse_schema_json(schema);
  if (!json) return json.error().message;
  const auto grammar = compile_json_schema(*json);
  return grammar ? "" : grammar.error().message;
}

TEST_F(Hostile, SchemasThatBecomeMuchLargerThanTheirText) {
  const auto is_too_large = testing::HasSubstr("more than 200000 states");
  const auto named = [](int i) { return fmt::format(R"("n{}":{{"type":"null"}})", i); };
  const auto reference = [](int i) { return fmt::format(R"("p{}":{{"$ref":"#/$defs/o"}})", i); };
  const std::string objects =
      R"({{"properties":{{{}}},"$defs":{{"o":{{"properties":{{{}}},{}}}}}}})";
  EXPECT_THAT(grammar_error_of(fmt::format(fmt::runtime(objects), listed(1000, reference),
                                           listed(1000, named), R"("maxProperties":40)")),
              is_too_large);
  const auto option = [](int i) { return fmt::format(R"({{"properties":{{"k{}":{{}}}}}})", i); };
  EXPECT_THAT(grammar_error_of(fmt::format(
                  fmt::runtime(objects), listed(600, reference), "",
                  fmt::format(R"("maxProperties":9,"anyOf":[{}])", listed(300, option)))),
              is_too_large);
  const auto one = [](int) { return std::string("true"); };
  const std::string arrays = R"({{"properties":{{{}}},"$defs":{{"o":{{"prefixItems":[{}]}}}}}})";
  EXPECT_THAT(grammar_error_of(
                  fmt::format(fmt::runtime(arrays), listed(3000, reference), listed(3000, one))),
              is_too_large);
  const std::string text(1 << 20, 'a');
  EXPECT_THAT(grammar_error_of(R"({"const":")" + text + R"("})"), is_too_large);
  EXPECT_THAT(grammar_error_of(R"({"properties":{")" + text + R"(":{}}})"), is_too_large);
  EXPECT_THAT(grammar_error_of(R"({"type":"string","not":{"const":")" + text + R"("}})"),
              is_too_large);
}

TEST_F(Hostile, ValuesThatAreLargeToCheck) {
  const auto member = [](int i) { return fmt::format(R"("n{}":1)", i); };
  const auto name = [](int i) { return fmt::format(R"("n{}")", i); };
  const auto reference = [](int) { return std::string(R"({"$ref":"#/$defs/b"})"); };
  const std::string all_of = R"({{"enum":[{}],"allOf":[{}],"$defs":{{"b":{{{}}}}}}})";
  const auto is_slow = testing::HasSubstr("checking the values of enum and const takes too long");
  EXPECT_THAT(grammar_error_of(fmt::format(fmt::runtime(all_of), "{" + listed(3900, member) + "}",
                                           listed(4000, reference),
                                           R"("required":[)" + listed(3900, name) + "]")),
              is_slow);
  const std::string text = '"' + std::string(1 << 20, 'a') + '"';
  EXPECT_THAT(grammar_error_of(fmt::format(fmt::runtime(all_of), text, listed(4000, reference),
                                           R"("enum":[)" + text + "]")),
              is_slow);
}

TEST_F(Hostile, GrammarsOfManyTokens) {
  const auto token = [](int i) { return fmt::format("|<[{}]>", i); };
  std::string grammar = "root ::= \"a\"";
  for (int i = 0; i < 90'000; ++i) grammar += token(i);
  const std::clock_t start = std::clock();
  EXPECT_NE(must(compiled_gbnf(grammar)), nullptr);
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, linnet::test::kHasSanitizer ? 60 : 10);
  grammar = "root ::= \"a\"";
  for (int i = 0; i < 200; ++i) grammar += fmt::format("|!<[{}]>", i);
  const auto vocabulary = byte_vocabulary({});
  const auto mask =
      TokenMask::create(must(compiled_gbnf(grammar)), vocabulary, {.mask_work = 10'000});
  ASSERT_TRUE(mask);
  GrammarSession session = *GrammarSession::create(*mask);
  session.allowed();
  EXPECT_FALSE(session.within_limits());
}

TEST_F(Hostile, VocabulariesOfManyCharacters) {
  std::vector<std::string> characters = {"a"};
  for (char32_t character = 0x4e00; character < 0x9fff; ++character) {
    append_utf8(characters.emplace_back(), character);
  }
  const auto vocabulary = *Vocabulary::create(characters, {});
  const auto few = TokenMask::create(must(compiled_regex(".{1,100}")), vocabulary);
  EXPECT_TRUE(few) << few.error().message;
  const auto many = TokenMask::create(must(compiled_regex("(?=.).{1,4000}")), vocabulary);
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error().message, testing::HasSubstr("more than 1000000 states"));
}

TEST_F(Hostile, SchemasWithManyKeywordsAndNames) {
  const auto unknown = [](int i) { return fmt::format(R"("u{}":1)", i); };
  const auto reference = [](int) { return std::string(R"({"$ref":"#/$defs/b"})"); };
  const std::string schema = R"({{"allOf":[{}],"$defs":{{"b":{{"type":"null",{}}}}}}})";
  const auto automaton = must(compiled_schema(
      fmt::format(fmt::runtime(schema), listed(3500, reference), listed(3500, unknown))));
  EXPECT_TRUE(accepts(automaton, "null"));
  // A long name is not kept for each of the schemas within.
  const std::string name(100'000, 'n');
  const auto json = parse_schema_json(
      fmt::format(R"({{"properties":{{"{}":{{{}}}}}}})", name, listed(3500, unknown)));
  ASSERT_TRUE(json);
  const auto compiled = compile_json_schema(*json);
  ASSERT_TRUE(compiled) << compiled.error().message;
  ASSERT_EQ(compiled->notes.size(), 3500u);
  EXPECT_LT(compiled->notes[0].size(), 1000u);
  const auto property = [&](int i) {
    return fmt::format(R"("p{}":{{{}}})", i, listed(3500, unknown));
  };
  const auto many =
      parse_schema_json(fmt::format(R"({{"properties":{{{}}}}})", listed(9, property)));
  ASSERT_TRUE(many);
  EXPECT_EQ(compile_json_schema(*many)->notes.size(), 5000u);
}

TEST_F(Hostile, AlternativesOfManyParts) {
  const auto part = [](int) { return std::string("{}"); };
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"allOf":[{{"anyOf":[{}]}},{}]}})",
                                                   listed(500, part), listed(100'000, part)))),
              testing::HasSubstr("take more than 200000 steps"));
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"oneOf":[{}]}})", listed(100'000, part)))),
              testing::HasSubstr("take more than 200000 steps"));
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"oneOf":[{}]}})", listed(1000, part)))),
              testing::HasSubstr("more than 512 alternatives"));
}

TEST_F(Hostile, ManySchemasForOneValue) {
  const auto any = [](int) { return std::string("{}"); };
  const auto items = [](int) { return std::string(R"({"items":{}})"); };
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"allOf":[{{"prefixItems":[{}]}},{}]}})",
                                                   listed(1000, any), listed(2000, items)))),
              testing::HasSubstr("too long for so many schemas"));
  const auto object = [](int i) { return fmt::format(R"({{"properties":{{"p{}":{{}}}}}})", i); };
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"allOf":[{}]}})", listed(2000, object)))),
              testing::HasSubstr("too many properties for so many schemas"));
  const auto reference = [](int i) { return fmt::format(R"("p{}":{{"$ref":"#/$defs/a"}})", i); };
  const auto unknown = [](int i) { return fmt::format(R"("u{}":1)", i); };
  const auto null = [](int) { return std::string(R"({"type":"null"})"); };
  const std::string schema = R"({{"properties":{{{}}},"$defs":{{"a":{{"anyOf":[{}],{}}}}}}})";
  EXPECT_THAT(error_of(compiled_schema(fmt::format(fmt::runtime(schema), listed(300, reference),
                                                   listed(500, null), listed(3900, unknown)))),
              testing::HasSubstr("take more than 200000 steps"));
}

TEST_F(Hostile, SchemasWithManyLargePatterns) {
  const auto pattern = [](int i) {
    return fmt::format(R"("p{}":{{"type":"string","pattern":"^[a-z]{{0,{}}}$"}})", i, 15'000 + i);
  };
  EXPECT_THAT(
      error_of(compiled_schema(fmt::format(R"({{"properties":{{{}}}}})", listed(3500, pattern)))),
      testing::HasSubstr("more than 200000 states"));
}

TEST_F(Hostile, SchemasWithManyNumbers) {
  const auto fraction = [](int i) { return fmt::format("{}.{}", 123'456'789 + i * 7919, i + 1); };
  EXPECT_THAT(error_of(compiled_schema(fmt::format(R"({{"type":"number","not":{{"enum":[{}]}}}})",
                                                   listed(20'000, fraction)))),
              testing::HasSubstr("together need automata of more than"));
}

TEST_F(Hostile, LongTextsTakeBoundedMemory) {
  const auto automaton = must(compiled_schema("{}"));
  std::string text = "{\"a\":[1";
  for (int i = 0; i < 200'000; ++i) text += i % 2 ? ",{\"b\":[]}" : ",\"x\"";
  EXPECT_TRUE(accepts(automaton, text + "]}"));
}

TEST_F(Hostile, OddVocabularies) {
  EXPECT_FALSE(Vocabulary::create({}, {}));
  EXPECT_FALSE(Vocabulary::create({std::string(1 << 20, 'a')}, {}));
  const auto empty_tokens = *Vocabulary::create({"", "", ""}, {0, 7, -3});
  EXPECT_EQ(empty_tokens->end_ids().size(), 1u);
  EXPECT_FALSE(TokenMask::create(must(compiled_gbnf("root ::= \"a\"")), empty_tokens));
  auto mask = TokenMask::create(must(compiled_gbnf("root ::= \"a\"?")), empty_tokens);
  ASSERT_TRUE(mask);
  GrammarSession session = *GrammarSession::create(*mask);
  EXPECT_TRUE(session.allows(0));
  EXPECT_FALSE(session.allows(1));
  const auto same = *Vocabulary::create({"a", "a", "a"}, {});
  GrammarSession twice = session_of(must(compiled_gbnf("root ::= \"aa\"")), same);
  EXPECT_EQ(twice.allowed().count(), 3);
  const auto longest = byte_vocabulary({std::string(60'000, ' '), std::string(60'000, 'a')});
  GrammarSession long_session = session_of(must(compiled_gbnf("root ::= [a]*")), longest);
  EXPECT_TRUE(long_session.allows(257));
  EXPECT_FALSE(long_session.allows(256));
}

}  // namespace
}  // namespace linnet::grammar::test
