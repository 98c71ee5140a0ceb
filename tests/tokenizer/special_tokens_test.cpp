#include <gtest/gtest.h>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

constexpr EncodeOptions kParse{.add_special = false, .parse_special = true};

TEST(SpecialTokensTest, ControlTokensInTextAreTextUnlessAskedFor) {
  auto file = test::byte_level_vocabulary({});
  const TokenId end = file.add("<e>", PieceType::kControl);
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "a<e>b", kParse), (Ids{'a', end, 'b'}));
  EXPECT_EQ(test::encode(*tokenizer, "a<e>b"), (Ids{'a', '<', 'e', '>', 'b'}));
  EXPECT_EQ(test::encode(*tokenizer, "<e><e>", kParse), (Ids{end, end}));
}

TEST(SpecialTokensTest, OneThatIsNoTextHidesNoOther) {
  auto file = test::byte_level_vocabulary({});
  file.add("\xff<", PieceType::kControl);
  const TokenId end = file.add("<e>", PieceType::kControl);
  EXPECT_EQ(test::encode(*test::make(file), "a<e>", kParse), (Ids{'a', end}));
}

TEST(SpecialTokensTest, UserDefinedTokensAreAlwaysSeen) {
  auto file = test::byte_level_vocabulary({});
  const TokenId token = file.add("    ", PieceType::kUserDefined);
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "a    b"), (Ids{'a', token, 'b'}));
  EXPECT_EQ(tokenizer->token_bytes(token, false), "    ");
}

// Converters write the piece "▁▁" of a user-defined token as two spaces.
TEST(SpecialTokensTest, WithEscapedSpacesTheMarkIsASpace) {
  auto file = test::sentencepiece_vocabulary();
  const TokenId token = file.add("  ", PieceType::kUserDefined);
  const TokenId a = file.add("a");
  file.flags = {{"add_space_prefix", false}};
  EXPECT_EQ(test::encode(*test::make(file), "a▁▁a  a"), (Ids{a, token, a, token, a}));
}

TEST(SpecialTokensTest, AMarkBesideASpaceBecomesTheTokenOfTwoSpaces) {
  auto file = test::sentencepiece_vocabulary();
  const TokenId token = file.add("  ", PieceType::kUserDefined);
  file.add("▁");
  const TokenId a = file.add("a");
  file.flags = {{"add_space_prefix", false}};
  EXPECT_EQ(test::encode(*test::make(file), "a ▁a▁ a"), (Ids{a, token, a, token, a}));
  file.model = "gemma4";
  file.merges = {"▁ ▁"};
  const Ids ids = test::encode(*test::make(file), "a ▁a▁ a");
  EXPECT_EQ(ids, (Ids{a, token, a, token, a}));
}

// What a user wrote may hold no control tokens; user-defined ones are text, and stay.
TEST(SpecialTokensTest, InPlainRangesOnlyUserDefinedTokensAreSeen) {
  auto file = test::byte_level_vocabulary({});
  const TokenId end = file.add("<e>", PieceType::kControl);
  const TokenId longer = file.add("<e><e>", PieceType::kControl);
  const TokenId dashes = file.add("--", PieceType::kUserDefined);
  const auto tokenizer = test::make(file);
  const auto encode = [&](std::string_view text, std::vector<TextRange> plain) {
    EncodeOptions options = kParse;
    options.plain = plain;
    return test::encode(*tokenizer, text, options);
  };
  EXPECT_EQ(encode("<e>--<e>", {{3, 8}}), (Ids{end, dashes, '<', 'e', '>'}));
  EXPECT_EQ(encode("<e><e>", {}), (Ids{longer}));
  EXPECT_EQ(encode("a<e>b<e>", {{0, 1}, {4, 5}}), (Ids{'a', end, 'b', end}));
  // A token that reaches into such a range is none.
  EXPECT_EQ(encode("<e>", {{2, 3}}), (Ids{'<', 'e', '>'}));
}

TEST(SpecialTokensTest, TheLongestTokenWins) {
  auto file = test::byte_level_vocabulary({});
  const TokenId shorter = file.add("<a>", PieceType::kControl);
  const TokenId longer = file.add("<a><b>", PieceType::kControl);
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "<a><b><a>", kParse), (Ids{longer, shorter}));
}

TEST(SpecialTokensTest, SomeModelsStripTheSpacesBesideATokens) {
  auto file = test::byte_level_vocabulary({});
  const TokenId user = file.add("<|user|>", PieceType::kControl);
  const TokenId kept = file.add("<s>", PieceType::kControl);
  file.names = {{"general.name", "My Phi-3 mini"}};
  EXPECT_EQ(test::encode(*test::make(file), " <|user|> \n\u00a0a<s> b", kParse),
            (Ids{' ', user, 'a', kept, ' ', 'b'}));
  file = test::byte_level_vocabulary({}, "jina-v2-code");
  const TokenId mask = file.add("<mask>", PieceType::kControl);
  EXPECT_EQ(test::encode(*test::make(file), "a \t<mask> b", kParse), (Ids{'a', mask, ' ', 'b'}));
  EXPECT_EQ(test::encode(*test::make(file), "a\u3000\u00a0<mask>", kParse), (Ids{'a', mask}));
  EXPECT_EQ(test::encode(*test::make(file), " <mask>", kParse), (Ids{mask}));
}

TEST(SpecialTokensTest, ControlTokensAreSilentUnlessShown) {
  auto file = test::byte_level_vocabulary({});
  const TokenId end = file.add("<e>", PieceType::kControl);
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::decode(*tokenizer, {'a', end, 'b'}), "ab");
  EXPECT_EQ(test::decode(*tokenizer, {'a', end, 'b'}, /*show_special=*/true), "a<e>b");
  EXPECT_EQ(tokenizer->token_bytes(-1, true), "");
  EXPECT_EQ(tokenizer->token_bytes(1 << 30, true), "");
}

TEST(SpecialTokensTest, KnownEndTokensEndTheText) {
  auto file = test::byte_level_vocabulary({});
  const TokenId turn = file.add("<|im_end|>", PieceType::kUserDefined);
  const TokenId html = file.add("</s>", PieceType::kNormal);
  const auto tokenizer = test::make(file);
  EXPECT_TRUE(tokenizer->is_end_of_generation(turn));
  EXPECT_TRUE(tokenizer->is_control(turn));
  EXPECT_FALSE(tokenizer->is_end_of_generation(html));
}

TEST(SpecialTokensTest, InGptOssTheEndOfAMessageIsNotTheEndOfTheTurn) {
  auto file = test::byte_level_vocabulary({});
  const TokenId end = file.add("<|end|>", PieceType::kControl);
  EXPECT_TRUE(test::make(file)->is_end_of_generation(end));
  const TokenId call = file.add("<|call|>", PieceType::kControl);
  const TokenId back = file.add("<|return|>", PieceType::kControl);
  const auto tokenizer = test::make(file);
  EXPECT_FALSE(tokenizer->is_end_of_generation(end));
  EXPECT_TRUE(tokenizer->is_end_of_generation(call));
  EXPECT_TRUE(tokenizer->is_end_of_generation(back));
}

TEST(SpecialTokensTest, InSolarOpenTheEndOfAMessageIsNotTheEndOfTheTurn) {
  auto file = test::byte_level_vocabulary({});
  const TokenId end = file.add("<|end|>", PieceType::kControl);
  const TokenId flush = file.add("<|flush|>", PieceType::kControl);
  EXPECT_TRUE(test::make(file)->is_end_of_generation(end));
  file.add("<|calls|>", PieceType::kControl);
  EXPECT_FALSE(test::make(file)->is_end_of_generation(end));
  EXPECT_TRUE(test::make(file)->is_end_of_generation(flush));
}

TEST(SpecialTokensTest, BesideToolResponsesOfGemmaTheHtmlTagIsText) {
  auto file = test::byte_level_vocabulary({});
  const TokenId tag = file.add("</s>", PieceType::kControl);
  EXPECT_TRUE(test::make(file)->is_end_of_generation(tag));
  const TokenId response = file.add("<|tool_response>", PieceType::kControl);
  const auto tokenizer = test::make(file);
  EXPECT_FALSE(tokenizer->is_end_of_generation(tag));
  EXPECT_TRUE(tokenizer->is_end_of_generation(response));
  EXPECT_EQ(test::decode(*tokenizer, {tag}), "</s>");
}

TEST(SpecialTokensTest, MarkersOfGptOssArePartOfWhatIsSaid) {
  auto file = test::byte_level_vocabulary({});
  Ids ids;
  for (const char* piece : {"<|start|>", "<|channel|>", "<|constrain|>", "<|message|>"}) {
    ids.push_back(file.add(piece, PieceType::kControl));
  }
  EXPECT_EQ(test::decode(*test::make(file), ids), "<|start|><|channel|><|constrain|><|message|>");
}

TEST(SpecialTokensTest, TheFileNamesFurtherEnds) {
  for (const char* name : {"eos_token_id", "eot_token_id", "eom_token_id", "fim_pad_token_id",
                           "fim_rep_token_id", "fim_sep_token_id"}) {
    auto file = test::byte_level_vocabulary({});
    const TokenId token = file.add("<x>", PieceType::kControl);
    EXPECT_FALSE(test::make(file)->is_end_of_generation(token)) << name;
    file.ids = {{name, token}};
    EXPECT_TRUE(test::make(file)->is_end_of_generation(token)) << name;
  }
}

// Converters write "there is none" as the largest number.
TEST(SpecialTokensTest, AnIdMaySayThatThereIsNone) {
  auto file = test::byte_level_vocabulary({});
  file.ids = {{"bos_token_id", 0xffffffff}, {"eos_token_id", 0xffffffff}};
  file.flags = {{"add_bos_token", true}, {"add_eos_token", true}};
  const auto tokenizer = test::make(file);
  EXPECT_EQ(tokenizer->bos(), std::nullopt);
  EXPECT_EQ(tokenizer->eos(), std::nullopt);
  EXPECT_EQ(test::encode(*tokenizer, "a", {.add_special = true}), (Ids{'a'}));
  file.ids = {{"bos_token_id", 1}, {"eos_token_id", 2}};
  EXPECT_EQ(test::make(file)->bos(), 1);
  EXPECT_EQ(test::make(file)->eos(), 2);
}

}  // namespace
}  // namespace linnet
