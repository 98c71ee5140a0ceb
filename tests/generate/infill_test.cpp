#include "generate/infill.hpp"

#include <gmock/gmock.h>

#include <map>

#include "generate/loading/model_file.hpp"
#include "support/model_copy.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

using Ids = std::vector<TokenId>;
constexpr TokenId kFirst = 1000;  // of those that are given other meanings

class Infill : public testing::Test {
 protected:
  // The bundled model with these numbers in its metadata, and other pieces from kFirst on.
  std::unique_ptr<ModelFile> model(const std::map<std::string, std::int64_t>& ids,
                                   const std::vector<std::string>& pieces = {}) {
    test::ModelCopy copy;
    for (const auto& [name, id] : ids) {
      copy.set("tokenizer.ggml." + name + "_token_id", gguf::ValueType::kInt64, id);
    }
    const auto original = gguf::File::open(test::kBundledModel);
    const auto tokens = **original->array("tokenizer.ggml.tokens");
    std::vector<std::string> all;
    for (std::size_t i = 0; i < tokens.size(); ++i) all.emplace_back(tokens.string(i));
    std::ranges::copy(pieces, all.begin() + kFirst);
    copy.replace("tokenizer.ggml.tokens",
                 [&](gguf::Writer& writer, std::string_view key) { writer.add_strings(key, all); });
    const Status written = copy.write(folder_ / "model.gguf");
    EXPECT_TRUE(written) << written.error().message;
    return std::move(*ModelFile::open((folder_ / "model.gguf").string()));
  }
  static Result<std::optional<InfillTokens>> read(const ModelFile& file) {
    return read_infill_tokens(file.file(), *file.tokenizer());
  }
  // The texts as their ids, and the numbers as they are, behind BOS.
  static Ids joined(const Tokenizer& tokenizer,
                    const std::vector<std::variant<TokenId, std::string>>& parts) {
    Ids ids = tokenizer.around().before;
    for (const auto& part : parts) {
      if (const auto* const id = std::get_if<TokenId>(&part)) ids.push_back(*id);
      if (const auto* const text = std::get_if<std::string>(&part)) {
        const auto of_text = *tokenizer.encode(*text, {});
        ids.insert(ids.end(), of_text.begin(), of_text.end());
      }
    }
    return ids;
  }

  test::TemporaryFolder folder_;
};

const std::map<std::string, std::int64_t> kNamed = {
    {"fim_pre", 1000}, {"fim_suf", 1001}, {"fim_mid", 1002}};

TEST_F(Infill, TokensAreThoseOfTheMetadata) {
  const auto file = model(kNamed);
  const auto tokens = read(*file);
  ASSERT_TRUE(tokens) << tokens.error().message;
  ASSERT_TRUE(*tokens);
  EXPECT_EQ((*tokens)->prefix, 1000);
  EXPECT_EQ((*tokens)->suffix, 1001);
  EXPECT_EQ((*tokens)->middle, 1002);
  EXPECT_FALSE((*tokens)->repository);
  const InfillText text{.prefix = "In the", .suffix = "God", .begun = " begin"};
  EXPECT_EQ(*encode_infill(*file->tokenizer(), **tokens, text),
            joined(*file->tokenizer(), {1000, "In the", 1001, "God", 1002, " begin"}));
}

TEST_F(Infill, TokensMayHaveTheirOldNames) {
  const auto file = model({{"prefix", 1010}, {"suffix", 1011}, {"middle", 1012}});
  EXPECT_EQ((*read(*file))->middle, 1012);
}

TEST_F(Infill, TokensAreFoundByTheirPieces) {
  const auto file = model({}, {"<fim_suffix>", "<fim_prefix>", "<fim_middle>", "<reponame>"});
  const auto tokens = *read(*file);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->prefix, 1001);
  EXPECT_EQ(tokens->suffix, 1000);
  EXPECT_EQ(tokens->middle, 1002);
  EXPECT_EQ(tokens->repository, 1003);
}

TEST_F(Infill, ThreePiecesOfDifferentFamiliesAreNone) {
  EXPECT_FALSE(*read(*model({}, {"<fim_suffix>", "<fim_prefix>", "<MID>"})));
  EXPECT_FALSE(*read(*model({})));
}

TEST_F(Infill, NumbersThatStandForNoneAreNone) {
  EXPECT_FALSE(*read(*model({{"fim_pre", -1}, {"fim_suf", 0xffffffff}, {"fim_mid", 7}})));
}

TEST_F(Infill, ATokenThatIsNoneIsNamed) {
  const auto tokens = read(*model({{"fim_pre", 99999999}}));
  ASSERT_FALSE(tokens);
  EXPECT_THAT(tokens.error().message,
              HasSubstr("tokenizer.ggml.fim_pre_token_id is 99999999, expected a token below"));
}

// Codestral reads what is behind the hole first.
TEST_F(Infill, WithoutAMiddleThePrefixGoesOn) {
  const auto file = model({}, {"[PREFIX]", "[SUFFIX]"});
  const auto tokens = *read(*file);
  ASSERT_TRUE(tokens);
  const InfillText text{.prefix = "In the", .suffix = "God", .begun = " begin"};
  EXPECT_EQ(*encode_infill(*file->tokenizer(), *tokens, text),
            joined(*file->tokenizer(), {1001, "God", 1000, "In the begin"}));
}

TEST_F(Infill, FilesStandBeforeTheText) {
  InfillText text{.prefix = "In the", .suffix = "God"};
  text.files = {{"a.txt", "And it"}, {"b.txt", "came"}};
  auto named = kNamed;
  const auto plain = model(named);
  EXPECT_EQ(
      *encode_infill(*plain->tokenizer(), **read(*plain), text),
      joined(*plain->tokenizer(), {"\n\n--- snippet ---\n\n", "And it", "\n\n--- snippet ---\n\n",
                                   "came", 1000, "In the", 1001, "God", 1002}));
  named["fim_rep"] = 1003;
  named["fim_sep"] = 1004;
  const auto file = model(named);
  EXPECT_EQ(
      *encode_infill(*file->tokenizer(), **read(*file), text),
      joined(*file->tokenizer(), {1003, "myproject\n", 1004, "a.txt\n", "And it", 1004, "b.txt\n",
                                  "came", 1004, "filename\n", 1000, "In the", 1001, "God", 1002}));
}

// What a user writes stays text.
TEST_F(Infill, TokensInTheTextsAreText) {
  const auto file = model(kNamed);
  const InfillText text{.prefix = "</s>", .suffix = ""};
  const auto ids = encode_infill(*file->tokenizer(), **read(*file), text);
  EXPECT_EQ(std::ranges::count(*ids, *file->tokenizer()->eos()), 0);
}

TEST_F(Infill, WhatIsNoTextIsNamed) {
  const auto file = model(kNamed);
  const auto ids =
      encode_infill(*file->tokenizer(), **read(*file), {.prefix = "a", .suffix = "\xff"});
  ASSERT_FALSE(ids);
  EXPECT_THAT(ids.error().message, HasSubstr("the text behind the hole"));
}

}  // namespace
}  // namespace linnet
