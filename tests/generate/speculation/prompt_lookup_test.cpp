#include "generate/speculation/prompt_lookup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kVocabulary = 1000;

std::vector<std::int32_t> guess(PromptLookup& lookup, const std::vector<std::int32_t>& tokens,
                                std::int64_t most, std::uint64_t sequence = 0) {
  std::vector<std::int32_t> guesses;
  const DraftQuery query{sequence, tokens, most, &guesses};
  EXPECT_TRUE(lookup.propose({&query, 1}));
  return guesses;
}

TEST(PromptLookup, GoesOnAsAfterTheLatestPlace) {
  PromptLookup lookup(kVocabulary);
  EXPECT_THAT(guess(lookup, {1, 2, 3, 4, 5, 1, 2, 8, 9, 7, 1, 2}, 3), ElementsAre(8, 9, 7));
}

TEST(PromptLookup, ALongerPhraseCountsMore) {
  PromptLookup lookup(kVocabulary);
  EXPECT_THAT(guess(lookup, {5, 6, 1, 2, 30, 31, 1, 2, 40, 5, 6, 1, 2}, 2), ElementsAre(30, 31));
}

TEST(PromptLookup, HasNoIdeaOfWhatIsNew) {
  PromptLookup lookup(kVocabulary);
  EXPECT_THAT(guess(lookup, {1, 2, 3, 4, 5}, 4), IsEmpty());
  EXPECT_THAT(guess(lookup, {1}, 4, 1), IsEmpty());
}

TEST(PromptLookup, APictureIsNotGuessed) {
  PromptLookup lookup(kVocabulary);
  EXPECT_THAT(guess(lookup, {1, 2, 3, 1000, 4, 1, 2}, 3), ElementsAre(3));
  EXPECT_THAT(guess(lookup, {1, 2, 1001, 4, 1, 2}, 3, 1), IsEmpty());
  EXPECT_THAT(guess(lookup, {5, 1002, 6, 7, 5, 1002}, 2, 2), ElementsAre(6, 7));
}

TEST(PromptLookup, WhatRepeatsIsGuessedBeyondTheEnd) {
  PromptLookup lookup(kVocabulary);
  EXPECT_THAT(guess(lookup, {9, 1, 2, 3, 1, 2, 3, 1, 2}, 7), ElementsAre(3, 1, 2, 3, 1, 2, 3));
}

TEST(PromptLookup, LearnsFromTokensThatComeLater) {
  PromptLookup lookup(kVocabulary);
  std::vector<std::int32_t> tokens = {1, 2, 3};
  EXPECT_THAT(guess(lookup, tokens, 2), IsEmpty());
  tokens.insert(tokens.end(), {4, 5, 2, 3});
  EXPECT_THAT(guess(lookup, tokens, 2), ElementsAre(4, 5));
}

TEST(PromptLookup, SequencesAreApartAndForgotten) {
  PromptLookup lookup(kVocabulary);
  guess(lookup, {1, 2, 3, 4}, 2, 0);
  EXPECT_THAT(guess(lookup, {7, 1, 2}, 2, 1), IsEmpty());
  lookup.end(0, {});
  EXPECT_THAT(guess(lookup, {1, 2}, 2, 0), IsEmpty());
}

}  // namespace
}  // namespace linnet
