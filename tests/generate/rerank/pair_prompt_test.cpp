#include "generate/rerank/pair_prompt.hpp"

#include <gmock/gmock.h>

#include "support/reranker_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Ids = std::vector<TokenId>;
using testing::HasSubstr;

constexpr TokenId kBegin = 1, kEnd = 2;
constexpr TokenId word(char letter) { return 3 + letter - 'a'; }  // at the beginning of one
constexpr TokenId inside(char letter) { return word(letter) + 26; }

class PairPromptTest : public testing::Test {
 protected:
  explicit PairPromptTest(const char* text = nullptr) {
    auto oracle = test::reranker_case();
    if (text) use_template(oracle, text);
    open(oracle);
  }
  static void use_template(test::OracleCase& oracle, const std::string& text) {
    oracle.json["metadata"]["tokenizer.chat_template.rerank"] = {{"type", "string"},
                                                                 {"value", text}};
  }
  void open(const test::OracleCase& oracle) {
    const Status written = oracle.write(folder_ / "model.gguf");
    ASSERT_TRUE(written) << written.error().message;
    auto file = gguf::File::open(folder_ / "model.gguf");
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::make_unique<gguf::File>(std::move(*file));
    tokenizer_ = std::move(*make_tokenizer(*file_));
  }
  Ids encode(std::string_view query, std::string_view document) const {
    const auto prompt = PairPrompt::read(*file_, *tokenizer_);
    EXPECT_TRUE(prompt) << prompt.error().message;
    const auto ids = prompt->encode(query, document);
    EXPECT_TRUE(ids) << ids.error().message;
    return *ids;
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<gguf::File> file_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(PairPromptTest, IsThePairThatTheVocabularyAsksFor) {
  EXPECT_EQ(encode("ab", "c"), (Ids{kBegin, word('a'), inside('b'), kEnd, word('c'), kEnd}));
  EXPECT_EQ(encode("a", ""), (Ids{kBegin, word('a'), kEnd, kEnd}));
}

TEST_F(PairPromptTest, SpecialTokensOfTextsAreText) {
  const Ids ids = encode("a", "[SEP]");
  EXPECT_EQ(std::ranges::count(ids, kEnd), 2);
}

TEST_F(PairPromptTest, AnErrorSaysInWhichTextItIs) {
  const auto prompt = PairPrompt::read(*file_, *tokenizer_);
  EXPECT_THAT(prompt->encode("\xff", "a").error().message, HasSubstr("the query: "));
  EXPECT_THAT(prompt->encode("a", "\xff").error().message, HasSubstr("the document: "));
}

class PromptByTemplate : public PairPromptTest {
 protected:
  PromptByTemplate() : PairPromptTest("[CLS]q {query}[SEP]{document}[SEP]") {}
};

TEST_F(PromptByTemplate, HasTheTextsInTheirPlaces) {
  EXPECT_EQ(encode("a", "b"), (Ids{kBegin, word('q'), word('a'), kEnd, word('b'), kEnd}));
  EXPECT_EQ(encode("", ""), (Ids{kBegin, word('q'), kEnd, kEnd}));
}

// What a document says can neither end its part nor take the place of another text.
TEST_F(PromptByTemplate, TextsCantImitateTheTemplate) {
  const Ids ids = encode("{document}", "[SEP][CLS]");
  EXPECT_EQ(std::ranges::count(ids, kEnd), 2);
  EXPECT_EQ(std::ranges::count(ids, kBegin), 1);
  EXPECT_EQ(std::ranges::count(encode("{document}", "zz"), word('z')), 1);
}

TEST_F(PairPromptTest, ATemplateWithoutAPlaceForATextIsRefused) {
  for (const auto& [text, missing] :
       {std::pair{"{query}", "has no {document}"}, std::pair{"{document}", "has no {query}"},
        std::pair{"", "has no {query}"}}) {
    auto oracle = test::reranker_case();
    use_template(oracle, text);
    open(oracle);
    const auto prompt = PairPrompt::read(*file_, *tokenizer_);
    ASSERT_FALSE(prompt) << text;
    EXPECT_THAT(prompt.error().message, HasSubstr(missing));
  }
}

}  // namespace
}  // namespace linnet
