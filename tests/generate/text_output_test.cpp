#include "generate/text_output.hpp"

#include <gtest/gtest.h>

#include "base/utf8.hpp"

namespace linnet {
namespace {

std::string shown(StopStrings& stop, const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += stop.push(piece);
  return text;
}

TEST(StopStrings, AreFoundAcrossPiecesAndNotShown) {
  StopStrings stop({"END", "\n\nUser:"});
  EXPECT_EQ(shown(stop, {"some text\n", "\nUs", "er", ": more", "even more"}), "some text");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.finish(), "");
}

TEST(StopStrings, WhatOnlyBeginsLikeOneIsShownLater) {
  StopStrings stop({"END"});
  EXPECT_EQ(stop.push("the E"), "the ");
  EXPECT_EQ(stop.push("N"), "");
  EXPECT_EQ(stop.push("EN"), "EN");
  EXPECT_EQ(stop.finish(), "EN");
  EXPECT_FALSE(stop.stopped());
}

TEST(StopStrings, TheFirstInTheTextCounts) {
  StopStrings stop({"later", "b"});
  EXPECT_EQ(shown(stop, {"abc later"}), "a");
  EXPECT_EQ(stop.stopped_by(), "b");
}

TEST(StopStrings, RepeatedBeginningsAreNotMissed) {
  StopStrings stop({"aab"});
  EXPECT_EQ(shown(stop, {"a", "a", "a", "b"}), "a");
  EXPECT_TRUE(stop.stopped());
}

TEST(StopStrings, EmptyOnesStopNothing) {
  StopStrings stop({""});
  EXPECT_EQ(shown(stop, {"abc", ""}), "abc");
  EXPECT_FALSE(stop.stopped());
}

// Its pieces are the texts of its tokens; those that begin with '<' are control tokens.
class FakeTokenizer final : public Tokenizer {
 public:
  explicit FakeTokenizer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  Result<std::vector<TokenId>> encode(std::string_view, const EncodeOptions&) const override {
    return Error{"nobody encodes"};
  }
  std::string token_bytes(TokenId id, bool show_special) const override {
    return is_control(id) && !show_special ? "" : pieces_[id];
  }
  bool strips_leading_space() const override { return true; }
  std::int64_t vocabulary_size() const override { return std::ssize(pieces_); }
  std::string_view piece(TokenId id) const override { return pieces_[id]; }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return std::nullopt; }
  bool is_end_of_generation(TokenId) const override { return false; }
  bool is_control(TokenId id) const override { return pieces_[id].starts_with('<'); }
  const TokensAround& around() const override { return around_; }

 private:
  std::vector<std::string> pieces_;
  TokensAround around_;
};

// What is shown of all `pieces`, a token each, before the end and at it.
struct Shown {
  std::string before_end, at_end;
  std::string added;  // of all tokens, shown or not
  std::string stopped_by;

  bool operator==(const Shown&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Shown& shown) {
  return out << '"' << shown.before_end << "\", \"" << shown.at_end << "\", added \"" << shown.added
             << "\", stopped by \"" << shown.stopped_by << '"';
}

Shown shown_of(const std::vector<std::string>& pieces, TextOutput::Options options) {
  const FakeTokenizer tokenizer(pieces);
  TextOutput output(tokenizer, std::move(options));
  Shown shown;
  for (TokenId id = 0; id < std::ssize(pieces) && !output.stopped(); ++id) {
    shown.before_end += output.push(id);
    shown.added += output.added();
  }
  shown.at_end = output.finish();
  shown.added += output.added();
  shown.stopped_by = output.stopped_by();
  return shown;
}

const std::string kReplaced(kReplacement);

TEST(TextOutput, FollowsAPromptWithItsFirstSpace) {
  EXPECT_EQ(shown_of({" a", " b"}, {}), (Shown{" a b", "", " a b", ""}));
}

TEST(TextOutput, AStopStringIsFoundAcrossTokens) {
  EXPECT_EQ(shown_of({"one", " E", "N", "D two", "more"}, {{"END"}, 0, {}}),
            (Shown{"one ", "", "one END two", "END"}));
}

TEST(TextOutput, TheBeginningOfAStopStringComesOutAtTheEnd) {
  EXPECT_EQ(shown_of({"one ", "E", "N"}, {{"END"}, 0, {}}), (Shown{"one ", "EN", "one EN", ""}));
}

TEST(TextOutput, ACharacterThatIsNotCompleteComesOutAsReplaced) {
  EXPECT_EQ(shown_of({"a", "\xe2\x82"}, {}), (Shown{"a", kReplaced, "a" + kReplaced, ""}));
  EXPECT_EQ(shown_of({"a", "\xe2\x82", "\xac"}, {}), (Shown{"a\u20ac", "", "a\u20ac", ""}));
}

TEST(TextOutput, BothMayBeHeldBackAtTheEnd) {
  EXPECT_EQ(shown_of({"a", "EN\xe2\x82"}, {{"END"}, 0, {}}),
            (Shown{"a", "EN" + kReplaced, "aEN" + kReplaced, ""}));
}

TEST(TextOutput, WhatComesOutAtTheEndMayCompleteAStopString) {
  const std::string stop = "b" + kReplaced;
  EXPECT_EQ(shown_of({"a", "b\xe2\x82"}, {{stop}, 0, {}}),
            (Shown{"a", "", "ab" + kReplaced, stop}));
}

TEST(TextOutput, NothingComesBehindAStopString) {
  EXPECT_EQ(shown_of({"a", "b\xe2\x82"}, {{"b"}, 0, {}}), (Shown{"a", "", "ab", "b"}));
}

TEST(TextOutput, TheTextOfTheFirstTokensStopsNothing) {
  EXPECT_EQ(shown_of({"a", "b", "a", "b"}, {{"b"}, 2, {}}), (Shown{"aba", "", "abab", "b"}));
  // Nor what they leave for the end.
  EXPECT_EQ(shown_of({"a", "\xe2\x82"}, {{kReplaced}, 2, {}}),
            (Shown{"a", kReplaced, "a" + kReplaced, ""}));
}

TEST(TextOutput, OnlyTheControlTokensThatAreAskedForAreShown) {
  EXPECT_EQ(shown_of({"a", "<call>", "b", "<end>"}, {{}, 0, {1}}),
            (Shown{"a<call>b", "", "a<call>b", ""}));
  EXPECT_EQ(shown_of({"a\xe2", "<call>", "b"}, {{}, 0, {1}}),
            (Shown{"a" + kReplaced + "<call>b", "", "a" + kReplaced + "<call>b", ""}));
}

}  // namespace
}  // namespace linnet
