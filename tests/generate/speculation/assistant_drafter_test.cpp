#include "generate/speculation/assistant_drafter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "generate/speculation/draft_file.hpp"
#include "support/assistant_case.hpp"
#include "support/draft_file.hpp"
#include "support/drafted_text.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class AssistantDrafterTest : public testing::Test {
 protected:
  AssistantDrafterTest() {
    const Status written = case_.assistant.write(path());
    EXPECT_TRUE(written) << written.error().message;
    auto draft = open_draft(path(), *target_file_);
    EXPECT_TRUE(draft) << draft.error().message;
    draft_ = std::move(*draft);
  }

  std::string path() const { return folder_ / "assistant.gguf"; }

  std::unique_ptr<Drafter> drafter() {
    auto drafter = AssistantDrafter::load(*draft_, target_.model(), target_.kv(), *backend_);
    EXPECT_TRUE(drafter) << drafter.error().message;
    return std::move(*drafter);
  }

  // What the target keeps of a text of so many tokens.
  StoredSequence stored(std::int64_t known) const {
    StoredSequence stored;
    stored.pages.resize(static_cast<std::size_t>(target_.sequence().pages()));
    std::iota(stored.pages.begin(), stored.pages.end(), 0);
    stored.computed = known - 1;
    return stored;
  }

  std::vector<TokenId> guess(Drafter& drafter, std::int64_t known, std::int64_t most) const {
    const StoredSequence stored = this->stored(known);
    return text_.guess(drafter, known, most, /*sequence=*/0, &stored);
  }

  // The two tokens that follow so many.
  std::vector<TokenId> predicted(std::int64_t known) {
    const auto model = test::load_assistant(draft_->file(), target_.model(), *backend_);
    std::vector<TokenId> tokens;
    for (const auto& row :
         test::predict(*model, target_, *backend_, static_cast<std::int32_t>(known) - 2)) {
      tokens.push_back(static_cast<TokenId>(std::ranges::max_element(row) - row.begin()));
    }
    return tokens;
  }

  // What an engine says of the file.
  std::string problem(const test::OracleCase& target) const {
    const test::TinyModel model(target);
    const auto engine = Engine::load(model.file(), speculating(), 512);
    return engine ? "" : engine.error().message;
  }
  EngineOptions speculating() const {
    EngineOptions options = test::TinyModel::options();
    options.speculate = true;
    options.draft_model = path();
    return options;
  }

  test::AssistantCase case_ = test::AssistantCase::read();
  const test::DraftedText text_{case_.target.tokens()};
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  const test::EvaluatedModel target_{case_.target, *backend_};
  const std::unique_ptr<ModelFile> target_file_ = std::move(*ModelFile::open(target_.path()));
  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> draft_;
};

TEST_F(AssistantDrafterTest, GuessesWhatIsPredicted) {
  for (const std::int64_t known : {2, 3, 18, 19, 40}) {
    const auto drafter = this->drafter();
    text_.observe(*drafter, known, 0, known - 1);
    EXPECT_EQ(guess(*drafter, known, 2), predicted(known)) << known;
    EXPECT_EQ(guess(*drafter, known, 5).size(), 5u);
  }
}

TEST_F(AssistantDrafterTest, NeedsTheStateBeforeTheLastToken) {
  const auto drafter = this->drafter();
  EXPECT_THAT(guess(*drafter, 9, 2), IsEmpty());
  text_.observe(*drafter, 8, 0, 7);
  EXPECT_THAT(guess(*drafter, 9, 2), IsEmpty());
  EXPECT_THAT(guess(*drafter, 1, 2), IsEmpty());
  text_.observe(*drafter, 9, 7, 8);
  EXPECT_EQ(guess(*drafter, 9, 2), predicted(9));
  drafter->end(0, text_.tokens(9));
  EXPECT_THAT(guess(*drafter, 9, 2), IsEmpty());
}

TEST_F(AssistantDrafterTest, DoesNotReadARowOfAPicture) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 9, 0, 8);
  const auto known = text_.tokens(9);
  std::vector<TokenId> text(known.begin(), known.end()), guesses;
  text.back() = 1 << 30;
  const StoredSequence stored = this->stored(9);
  const DraftQuery query{0, text, 2, &guesses, &stored};
  EXPECT_TRUE(drafter->propose({&query, 1}));
  EXPECT_THAT(guesses, IsEmpty());
}

TEST_F(AssistantDrafterTest, GoesOnBehindTheGuessesThatWereRight) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 8, 7, 12);  // four guesses
  for (const std::int64_t known : {9, 10, 13}) {
    EXPECT_EQ(guess(*drafter, known, 2), predicted(known)) << known;
  }
}

TEST_F(AssistantDrafterTest, SequencesAreGuessedSideBySide) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 20, 0, 20, 1);
  text_.observe(*drafter, 7, 0, 7, 2);
  std::vector<TokenId> first, second;
  const StoredSequence of_first = stored(21), of_second = stored(8);
  const std::array queries = {DraftQuery{1, text_.tokens(21), 1, &first, &of_first},
                              DraftQuery{2, text_.tokens(8), 2, &second, &of_second}};
  EXPECT_TRUE(drafter->propose(queries));
  EXPECT_EQ(first, std::vector(1, predicted(21).front()));
  EXPECT_EQ(second, predicted(8));
}

TEST_F(AssistantDrafterTest, ChangesNoText) {
  test::expect_same_texts(test::TinyModel(case_.target), speculating());
}

TEST_F(AssistantDrafterTest, KeepsNothingOfATextInThePlan) {
  const auto plain = target_file_->plan(test::TinyModel::options());
  const auto guessing = target_file_->plan(speculating());
  ASSERT_TRUE(plain && guessing);
  EXPECT_EQ(guessing->kv_bytes(), plain->kv_bytes());
  EXPECT_GT(guessing->weights_bytes(), plain->weights_bytes());
}

// The target's are for what it reads, not for what it gives.
TEST_F(AssistantDrafterTest, HasATableOfTokensOfItsOwn) {
  for (auto& tensor : case_.assistant.json["tensors"]) {
    if (tensor["name"] == "token_embd.weight") tensor["name"] = "other.weight";
  }
  EXPECT_TRUE(case_.assistant.write(path()));
  EXPECT_THAT(problem(case_.target), HasSubstr("missing tensor token_embd.weight"));
}

TEST_F(AssistantDrafterTest, ReadsKeysOfTheModel) {
  EXPECT_EQ(problem(case_.target), "");
  EXPECT_THAT(problem(test::OracleCase::read("gemma4-dense")),
              HasSubstr("reads keys of full layers, which gemma4 has not"));
  case_.assistant.json["metadata"]["gemma4-assistant.attention.head_count_kv"]["value"] = 1;
  EXPECT_TRUE(case_.assistant.write(path()));
  EXPECT_THAT(problem(case_.target),
              HasSubstr("1 heads of 64 and 64 columns, expected the 2 heads"));
  case_.assistant.json["metadata"]["gemma4-assistant.embedding_length_out"]["value"] = 96;
  EXPECT_TRUE(case_.assistant.write(path()));
  EXPECT_THAT(problem(case_.target), HasSubstr("have 96 columns, expected the model's 128"));
}

}  // namespace
}  // namespace linnet
