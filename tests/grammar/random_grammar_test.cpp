// Random context-free grammars, left-recursive, ambiguous and with empty rules as they come,
// against a recogniser that works straight from the definition.

#include <random>
#include <set>

#include "base/utf8.hpp"
#include "grammar/completion.hpp"
#include "grammar/grammar_support.hpp"

namespace linnet::grammar::test {
namespace {

// Where texts that match can end, for each rule and start, by repetition until nothing is added.
class Reference {
 public:
  Reference(const Grammar& grammar, std::u32string text)
      : grammar_(grammar),
        text_(std::move(text)),
        ends_(grammar.rules.size(), std::vector<Ends>(text_.size() + 1)) {
    for (bool grown = true; grown;) {
      grown = false;
      for (std::size_t rule = 0; rule < ends_.size(); ++rule) {
        for (std::size_t start = 0; start <= text_.size(); ++start) {
          Ends now = match(grammar_.rules[rule].body, start);
          if (now == ends_[rule][start]) continue;
          ends_[rule][start] = std::move(now);
          grown = true;
        }
      }
    }
  }
  bool accepts() const { return ends_[grammar_.root][0].contains(text_.size()); }

 private:
  using Ends = std::set<std::size_t>;

  Ends match(const Expression& expression, std::size_t at) const {
    return std::visit([&](const auto& node) { return match(node, at); }, expression.node().kind);
  }
  Ends match(const Characters& node, std::size_t at) const {
    return at < text_.size() && node.set.contains(text_[at]) ? Ends{at + 1} : Ends{};
  }
  Ends match(const Sequence& node, std::size_t at) const {
    Ends ends = {at};
    for (const Expression& part : node.parts) ends = match_after(part, ends);
    return ends;
  }
  Ends match(const Choice& node, std::size_t at) const {
    Ends ends;
    for (const Expression& option : node.options) ends.merge(match(option, at));
    return ends;
  }
  Ends match(const Repeat& node, std::size_t at) const {
    Ends ends = {at}, all;
    for (std::uint64_t i = 0; i < node.min; ++i) ends = match_after(node.body, ends);
    all = ends;
    for (std::uint64_t i = node.min; i < node.max.value_or(node.min + text_.size() + 1); ++i) {
      ends = match_after(node.body, ends);
      all.insert(ends.begin(), ends.end());
    }
    return all;
  }
  Ends match(const Call& node, std::size_t at) const { return ends_[node.rule][at]; }
  Ends match(const Tokens&, std::size_t) const { return {}; }
  Ends match(const Anchor&, std::size_t) const { return {}; }
  Ends match(const Graph&, std::size_t) const { return {}; }
  Ends match_after(const Expression& part, const Ends& starts) const {
    Ends ends;
    for (const std::size_t start : starts) ends.merge(match(part, start));
    return ends;
  }

  const Grammar& grammar_;
  std::u32string text_;
  std::vector<std::vector<Ends>> ends_;
};

constexpr std::u32string_view kAlphabet = U"abé日";

class RandomGrammar {
 public:
  explicit RandomGrammar(unsigned seed) : random_(seed) {}

  Grammar grammar() {
    rules_ = static_cast<std::uint32_t>(1 + pick(4));
    Grammar result;
    for (std::uint32_t i = 0; i < rules_; ++i) result.rules.push_back({"r", expression(3)});
    return result;
  }
  std::u32string text() {
    std::u32string result;
    for (int length = pick(6); length > 0; --length) result += kAlphabet[pick(4)];
    return result;
  }
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

 private:
  Expression expression(int depth) {
    const int kind = depth == 0 ? pick(3) : pick(8);
    if (kind <= 1) return call(static_cast<std::uint32_t>(pick(static_cast<int>(rules_))));
    if (kind == 2) {
      CharacterSet set(kAlphabet[pick(4)]);
      if (pick(4) == 0) set.add(kAlphabet[pick(4)], kLastCharacter);
      return characters(set);
    }
    if (kind == 3) return pick(3) == 0 ? empty() : characters(CharacterSet(kAlphabet[pick(4)]));
    if (kind == 4) {
      const auto min = static_cast<std::uint64_t>(pick(3));
      const auto max = pick(2) == 0 ? std::nullopt : std::optional(min + pick(3));
      return repeat(expression(depth - 1), min, max);
    }
    std::vector<Expression> parts;
    for (int count = 1 + pick(3); count > 0; --count) parts.push_back(expression(depth - 1));
    return kind <= 6 ? sequence(std::move(parts)) : choice(std::move(parts));
  }

  std::mt19937 random_;
  std::uint32_t rules_ = 0;
};

std::string utf8(const std::u32string& text) {
  std::string result;
  for (const char32_t character : text) append_utf8(result, character);
  return result;
}

TEST(RandomGrammars, AgreeWithTheDefinition) {
  RandomGrammar random(3);
  int compiled_count = 0, accepted = 0, rejected = 0;
  for (int i = 0; i < 4000; ++i) {
    const Grammar grammar = random.grammar();
    const auto automaton = PushdownAutomaton::compile(grammar);
    compiled_count += automaton.ok();
    for (int j = 0; j < 8; ++j) {
      const std::u32string text = random.text();
      const bool expected = Reference(grammar, text).accepts();
      if (!automaton) {
        ASSERT_EQ(automaton.error().message, "the grammar matches no text");
        ASSERT_FALSE(expected);
        continue;
      }
      ASSERT_EQ(accepts(*automaton, utf8(text)), expected)
          << "grammar " << i << ", text " << utf8(text);
      ++(expected ? accepted : rejected);
    }
  }
  EXPECT_GT(compiled_count, 1500);
  EXPECT_GT(accepted, 1500);
  EXPECT_GT(rejected, 1500);
}

// The tokens that the session allows are those after which the text can go on.
void check_mask(GrammarSession& session, const AutomatonPointer& automaton,
                const Vocabulary& vocabulary, const std::string& text) {
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    auto matcher = Matcher::create(automaton);
    ASSERT_TRUE(matcher);
    ASSERT_TRUE(matcher->advance(text) || text.empty());
    const bool ends = vocabulary.bytes(id).empty();
    const bool expected = ends ? matcher->complete()
                               : vocabulary.in_tree(id) && matcher->advance(vocabulary.bytes(id));
    ASSERT_EQ(session.allows(id), expected)
        << "after '" << text << "' token '" << vocabulary.bytes(id) << "'";
  }
}

void generate(const AutomatonPointer& automaton, const std::shared_ptr<TokenMask>& mask,
              RandomGrammar& random) {
  const Vocabulary& vocabulary = mask->vocabulary();
  auto session = GrammarSession::create(mask);
  ASSERT_TRUE(session) << session.error().message;
  std::string text;
  for (int step = 0; step < 6; ++step) {
    check_mask(*session, automaton, vocabulary, text);
    if (testing::Test::HasFatalFailure()) return;
    std::vector<std::int32_t> allowed;
    for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
      if (session->allows(id)) allowed.push_back(id);
    }
    ASSERT_FALSE(allowed.empty()) << "a dead end after '" << text << "'";
    const std::int32_t token =
        allowed[static_cast<std::size_t>(random.pick(static_cast<int>(allowed.size())))];
    const Status status = session->accept(token);
    ASSERT_TRUE(status) << status.error().message;
    text += vocabulary.bytes(token);
    if (session->ended()) return;
  }
  const auto rest = Completion(automaton).shortest(session->nodes(), session->configurations());
  ASSERT_TRUE(rest);
  ASSERT_TRUE(accepts(automaton, text + *rest)) << text << " and then " << *rest;
}

TEST(RandomGrammars, MasksAllowWhatCanGoOn) {
  const auto vocabulary =
      byte_vocabulary({"aa", "ab", "ba", "abé", "é日", "日日", "\xc3", "\xa9\xe6", "\xe6\x97",
                       "\x97\xa5", "\xa5\x61", "bbb", "aéa", "é", "日"});
  RandomGrammar random(11);
  for (int i = 0; i < 300; ++i) {
    const auto automaton = PushdownAutomaton::compile(random.grammar());
    if (!automaton) continue;
    auto mask = TokenMask::create(*automaton, vocabulary);
    ASSERT_TRUE(mask);
    generate(*automaton, *mask, random);
    if (HasFatalFailure()) FAIL() << "grammar " << i;
  }
}

TEST(RandomGrammars, VocabulariesThatCannotSpellEverything) {
  // No é but within a token, and parts of characters that lead nowhere.
  const auto vocabulary = *Vocabulary::create(
      {"a", "b", "日", "ab", "aé", "\xc3", "\xe6\x97", "\x97\xa5", "日a", "bb", ""}, {10});
  ASSERT_FALSE(vocabulary->spells_everything());
  RandomGrammar random(13);
  int restricted = 0, refused = 0;
  for (int i = 0; i < 600; ++i) {
    const auto automaton = PushdownAutomaton::compile(random.grammar());
    if (!automaton) continue;
    auto mask = TokenMask::create(*automaton, vocabulary);
    if (!mask) {
      EXPECT_EQ(mask.error().message,
                "the vocabulary cannot spell any text that the grammar matches");
      ++refused;
      continue;
    }
    ++restricted;
    const auto own = (*automaton)->restricted_to(vocabulary->single_characters());
    ASSERT_TRUE(own);
    generate(*own, *mask, random);
    if (HasFatalFailure()) FAIL() << "grammar " << i;
  }
  EXPECT_GT(restricted, 100);
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace linnet::grammar::test
