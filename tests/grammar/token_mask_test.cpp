#include "grammar/token_mask.hpp"

#include <limits>
#include <random>
#include <thread>

#include "grammar/completion.hpp"
#include "grammar/grammar_support.hpp"

namespace linnet::grammar::test {
namespace {

std::vector<std::string> allowed_texts(GrammarSession& session, const Vocabulary& vocabulary) {
  std::vector<std::string> texts;
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    if (session.allows(id)) texts.emplace_back(vocabulary.bytes(id));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(TokenMasks, ApplyLeavesAllowedLogitsAsTheyAre) {
  TokenSet set(150);
  for (const std::int32_t id : {0, 5, 64, 71, 127, 128, 149}) set.insert(id);
  for (const std::int32_t count : {200, 150, 129, 71}) {  // no whole words of 64 logits
    std::vector<float> logits(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i) - 100.0f;
    set.apply(logits);
    for (std::int32_t id = 0; id < count; ++id) {
      const float expected = set.contains(id) ? static_cast<float>(id) - 100.0f
                                              : -std::numeric_limits<float>::infinity();
      EXPECT_EQ(logits[static_cast<std::size_t>(id)], expected) << id << " of " << count;
    }
  }
  EXPECT_EQ(set.count(), 7);
}

// However few ways there are to read the text, each may lead into a large part of the vocabulary.
TEST(TokenMasks, WorkOfAllStatesIsBoundedTogether) {
  const auto vocabulary = byte_vocabulary({"ab", "abc", "ba", "bca"});
  const auto automaton =
      must(compiled_gbnf("root ::= [a-z] a | [a-y] b | [a-x] c\n"
                         "a ::= [a-z]{5} \"1\"\nb ::= [a-z]{6} \"2\"\nc ::= [a-z]{7} \"3\""));
  const auto is_within = [&](TokenMask& mask) {
    auto session = GrammarSession::create(std::shared_ptr<TokenMask>(&mask, [](TokenMask*) {}));
    EXPECT_TRUE(session);
    for (const char token : {'a', 'b'}) {
      if (!session->accept(token)) return false;
      session->allowed();
    }
    return session->within_limits().ok();
  };
  std::uint64_t least = 1;
  while (!is_within(**TokenMask::create(automaton, vocabulary, {.mask_work = least}))) least *= 2;
  EXPECT_GT(least, 256u) << "one state alone tries all bytes";
  const auto enough = *TokenMask::create(automaton, vocabulary, {.mask_work = least});
  const auto too_little = *TokenMask::create(automaton, vocabulary, {.mask_work = least / 2});
  for (int again = 0; again < 2; ++again) {  // also where the masks are known
    EXPECT_TRUE(is_within(*enough));
    EXPECT_FALSE(is_within(*too_little));
  }
}

TEST(TokenMasks, TokensMayCrossTheEndsOfRules) {
  const auto vocabulary = *Vocabulary::create(
      {"{", "}", "\"", "a", "\":", "\": ", "\":1", "1", "1}", "12}}", "}}", "ab\":{", "{\"a", ""},
      {13});
  const auto automaton = must(compiled_schema(
      R"({"properties":{"a":{"properties":{"b":{"type":"integer"}}},"ab":{"type":"object"}}})"));
  ASSERT_FALSE(vocabulary->spells_everything());
  GrammarSession poor = session_of(automaton, vocabulary);
  EXPECT_EQ(allowed_texts(poor, *vocabulary), Texts({"{"}));
  ASSERT_TRUE(poor.accept(0));
  EXPECT_EQ(allowed_texts(poor, *vocabulary), Texts({"}"})) << "there is no : of its own";

  const auto bytes = byte_vocabulary(
      {"\":", "\": ", "\":1", "1}", "12}}", "}}", "ab\":{", "{\"a", "{\"ab\":{\"x"});
  GrammarSession session = session_of(automaton, bytes);
  EXPECT_EQ(allowed_texts(session, *bytes), Texts({"{", "{\"a", "{\"ab\":{\"x"}));
  ASSERT_TRUE(session.accept(256 + 7));  // {"a
  EXPECT_EQ(allowed_texts(session, *bytes), Texts({"\"", "b", "\":", "\": "}));
  ASSERT_TRUE(session.accept('"'));
  ASSERT_TRUE(session.accept(':'));
  ASSERT_TRUE(session.accept('{'));
  EXPECT_EQ(allowed_texts(session, *bytes), Texts({"\n", " ", "\"", "}", "}}"}));
  ASSERT_TRUE(session.accept(256 + 5));  // }}
  EXPECT_EQ(allowed_texts(session, *bytes), Texts({""}));
  EXPECT_TRUE(session.complete());
}

// What was read leaves nodes of the stack behind, which are dropped by the thousand.
TEST(TokenMasks, LongTextsOfManyCallsKeepTheirStack) {
  const auto automaton = must(compiled_gbnf("root ::= pair+\npair ::= \"(\" pair* \")\" \".\""));
  GrammarSession session = session_of(automaton, byte_vocabulary());
  std::mt19937 random(3);
  std::vector<int> depths;  // where each pair began, as a stack
  for (int i = 0; i < 20'000; ++i) {
    const bool opens = depths.empty() || (depths.size() < 40 && random() % 2 == 0);
    if (opens) depths.push_back(i);
    if (!opens) depths.pop_back();
    for (const char byte : std::string_view(opens ? "(" : ").")) {
      ASSERT_TRUE(session.accept(byte)) << "pair " << i;
    }
    ASSERT_EQ(session.allows(')'), !depths.empty()) << "pair " << i;
    ASSERT_EQ(session.complete(), depths.empty()) << "pair " << i;
  }
}

TEST(TokenMasks, EndOfTextExactlyWhereTheTextIsComplete) {
  const auto vocabulary = byte_vocabulary();
  GrammarSession session = session_of(must(compiled_gbnf("root ::= \"a\" \"b\"?")), vocabulary);
  const std::int32_t end = vocabulary->size() - 1;
  EXPECT_FALSE(session.allows(end));
  EXPECT_FALSE(session.accept(end));
  ASSERT_TRUE(session.accept('a'));
  EXPECT_TRUE(session.allows(end));
  EXPECT_TRUE(session.allows('b'));
  GrammarSession other = session;
  ASSERT_TRUE(session.accept(end));
  EXPECT_TRUE(session.ended());
  EXPECT_FALSE(session.allows(end));
  EXPECT_FALSE(session.accept('b'));
  ASSERT_TRUE(other.accept('b')) << "a copy goes its own way";
  EXPECT_FALSE(other.allows('b'));
  EXPECT_FALSE(other.accept(-1));
  EXPECT_FALSE(other.accept(1 << 20));
}

TEST(TokenMasks, CharactersMayBeSplitOverTokens) {
  const auto vocabulary = byte_vocabulary({"\xe6\x97", "\x97\xa5", "\xa5\xe6\x97", "日本"});
  GrammarSession session = session_of(must(compiled_gbnf("root ::= \"日\"{2}")), vocabulary);
  EXPECT_EQ(allowed_texts(session, *vocabulary), Texts({"\xe6", "\xe6\x97"}));
  ASSERT_TRUE(session.accept(256));
  EXPECT_EQ(allowed_texts(session, *vocabulary), Texts({"\xa5", "\xa5\xe6\x97"}));
  ASSERT_TRUE(session.accept(258));
  ASSERT_TRUE(session.accept(0xa5));
  EXPECT_TRUE(session.complete());
}

TEST(TokenMasks, DeepCallsEndInTime) {
  const MatchLimits limits{.depth = 10};
  const auto vocabulary = byte_vocabulary({"[[[", "]]"});
  GrammarSession session =
      session_of(must(compiled_gbnf("root ::= \"[\" root \"]\" | \"x\"")), vocabulary, limits);
  std::string text;
  while (!session.ended()) {
    const bool deeper = session.allows('[');
    EXPECT_EQ(session.allows('[') || session.allows(256), deeper);
    const std::int32_t token = session.allows(256)   ? 256
                               : session.allows('[') ? '['
                               : session.allows('x') ? 'x'
                               : session.allows(257) ? 257
                               : session.allows(']') ? ']'
                                                     : vocabulary->size() - 1;
    ASSERT_TRUE(session.accept(token)) << text;
    text += vocabulary->bytes(token);
  }
  EXPECT_EQ(text, std::string(10, '[') + "x" + std::string(10, ']'));

  const auto nested = must(compiled_gbnf(
      "root ::= a\na ::= \"(\" b \")\" \")\"\nb ::= \"(\" c \")\"\nc ::= \"x\" b? \"x\""));
  auto mask = TokenMask::create(nested, vocabulary, {.depth = 0});
  ASSERT_TRUE(mask);
  EXPECT_NE(GrammarSession::create(*mask).ok(), true);
}

TEST(TokenMasks, RightRecursionTakesNoDepth) {
  const MatchLimits limits{.depth = 4};
  GrammarSession session = session_of(must(compiled_gbnf("root ::= [a-z] \"\\n\" root | \"end\"")),
                                      byte_vocabulary(), limits);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(session.accept('a'));
    ASSERT_TRUE(session.accept('\n'));
  }
  EXPECT_LT(session.nodes().size(), 5000u);
  for (const char c : {'e', 'n', 'd'}) ASSERT_TRUE(session.accept(c));
  EXPECT_TRUE(session.complete());
}

TEST(TokenMasks, LongRepetitionsShareMasks) {
  const auto vocabulary = byte_vocabulary({"ab", "abc", "\",\"", "\"}"});
  auto mask =
      TokenMask::create(must(compiled_schema(R"({"type":"string","maxLength":400})")), vocabulary);
  ASSERT_TRUE(mask);
  GrammarSession session = *GrammarSession::create(*mask);
  ASSERT_TRUE(session.accept('"'));
  for (int i = 0; i < 390; ++i) {
    ASSERT_TRUE(session.allows(257));
    ASSERT_TRUE(session.accept('x'));
  }
  EXPECT_LT((*mask)->walks(), 8u);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(session.accept('x'));
  EXPECT_TRUE(session.allows(256));
  EXPECT_FALSE(session.allows(257)) << "only two characters are left";
  ASSERT_TRUE(session.accept(256));
  EXPECT_EQ(allowed_texts(session, *vocabulary), Texts({"\""}));
}

TEST(TokenMasks, SessionsInSeveralThreadsShareOneMask) {
  const auto vocabulary = byte_vocabulary({"true", "false", "{\"", "\":", "\",\""});
  auto mask = TokenMask::create(must(compiled_schema("{}")), vocabulary);
  ASSERT_TRUE(mask);
  std::vector<std::thread> threads;
  std::vector<int> done(4, 0);
  for (std::size_t i = 0; i < done.size(); ++i) {
    threads.emplace_back([&, i] {
      GrammarSession session = *GrammarSession::create(*mask);
      for (const char c : std::string("{\"a\":[1,true,\"x\"]}")) {
        if (session.allows(c) && session.accept(c)) ++done[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : done) EXPECT_EQ(count, 18);
}

TEST(TokenMasks, ShortestCompletions) {
  const auto automaton = must(compiled_schema(
      R"({"properties":{"a":{"type":"array","items":{"type":"string","minLength":2},"minItems":1},
          "b":{"type":"integer"}},"required":["a","b"]})"));
  const auto completion_of = [&](const std::string& text) {
    GrammarSession session = session_of(automaton, byte_vocabulary());
    for (const char c : text) EXPECT_TRUE(session.accept(static_cast<std::uint8_t>(c)));
    return Completion(automaton).shortest(session.nodes(), session.configurations());
  };
  for (const std::string text :
       {"", "{", "{\"a\":[\"x", "{\"a\":[\"xy\"", "{\"a\":[\"xy\"],\"b\":-"}) {
    const auto rest = completion_of(text);
    ASSERT_TRUE(rest);
    EXPECT_TRUE(accepts(automaton, text + *rest)) << text << " and then " << *rest;
  }
  EXPECT_EQ(completion_of("{\"a\":[\"xy\"],\"b\":-")->size(), 2u);
  EXPECT_EQ(completion_of("{\"a\":[\"xy\"],\"b\":1}"), "");
}

}  // namespace
}  // namespace linnet::grammar::test
