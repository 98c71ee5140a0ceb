// For a model of each kind of mixer: the logits of a sequence are the same bits beside other
// sequences in a batch, when its recurrent state was copied from a checkpoint, and when that went
// back and through some rows again.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>

#include "architectures/architecture.hpp"
#include "model/model.hpp"
#include "support/mixer_cases.hpp"
#include "support/oracle_case.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

class CompanyTest : public testing::TestWithParam<const char*> {
 protected:
  static constexpr std::int64_t kLength = 40;
  static constexpr std::int64_t kPagesEach = 2;

  void SetUp() override {
    const std::string name = GetParam();
    case_ = test::OracleCase::read(name);
    path_ = fs::temp_directory_path() / ("linnet-company-" + std::to_string(getpid()) + name);
    const Status written = case_.write(path_);
    ASSERT_TRUE(written) << written.error().message;
    auto file = gguf::File::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    file_.emplace(std::move(*file));
    backend_ = make_cpu_backend(2);
    WeightLoader loader(*file_, *backend_);
    auto spec = read_model_spec(*file_, loader);
    ASSERT_TRUE(spec) << spec.error().message;
    auto model = Model::load(std::move(*spec), loader, *backend_, {128, 128});
    ASSERT_TRUE(model) << model.error().message;
    model_ = std::move(*model);
    kv_ = std::move(*backend_->make_kv_store(model_->kv_shape(KvType::kF32, 3 * kPagesEach)));
    states_ = std::move(*backend_->make_state_store(model_->state_shape(3)));
    for (int s = 0; s < 3; ++s) states_->clear_slot(s);
  }
  void TearDown() override { fs::remove(path_); }

  struct Part {
    std::int32_t sequence;  // 0 to 2
    std::int64_t first, count;
  };

  // The logits of all rows of one batch. The tokens of a sequence depend on its number, or are
  // `other` ones from some position on.
  std::vector<float> evaluate(const std::vector<Part>& parts,
                              std::span<const TrialRows> trials = {},
                              std::int64_t others_from = kLength) {
    std::vector<std::int32_t> tokens, positions, sequences, lengths, states;
    std::vector<std::vector<std::int32_t>> pages;
    for (const Part& part : parts) {
      for (std::int64_t i = part.first; i < part.first + part.count; ++i) {
        tokens.push_back(token(part.sequence, i < others_from ? i : i + 1));
        positions.push_back(static_cast<std::int32_t>(i));
        sequences.push_back(static_cast<std::int32_t>(pages.size()));
      }
      lengths.push_back(static_cast<std::int32_t>(part.first + part.count));
      states.push_back(part.sequence);
      pages.emplace_back(kPagesEach);
      std::iota(pages.back().begin(), pages.back().end(), part.sequence * kPagesEach);
    }
    const std::vector<std::span<const std::int32_t>> tables(pages.begin(), pages.end());
    std::vector<std::int32_t> outputs(tokens.size());
    std::iota(outputs.begin(), outputs.end(), 0);
    Batch batch{tokens, {positions, sequences, tables, lengths, states}, outputs};
    batch.trials = trials;
    const View logits = model_->forward(batch, *kv_, states_.get());
    std::vector<float> result(static_cast<std::size_t>(logits.rows * logits.columns));
    backend_->download(logits, result.data());
    return result;
  }

  std::int32_t token(std::int32_t sequence, std::int64_t position) const {
    // Sequence 2 is sequence 0 again.
    const std::int64_t salt = sequence == 1 ? 7 : 0;
    return static_cast<std::int32_t>((position * 37 + salt) % case_.vocabulary());
  }

  test::OracleCase case_;
  fs::path path_;
  std::optional<gguf::File> file_;  // from which experts are read
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<KvStore> kv_;
  std::unique_ptr<StateStore> states_;
};

TEST_P(CompanyTest, LogitsAreBitIdenticalBesideOthers) {
  const std::vector<float> alone = evaluate({{0, 0, kLength}});
  const std::vector<float> together = evaluate({{1, 0, 29}, {2, 0, kLength}});
  const auto skipped = static_cast<std::ptrdiff_t>(29 * case_.vocabulary());
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + skipped));
}

TEST_P(CompanyTest, LogitsAreBitIdenticalBehindACheckpoint) {
  const std::vector<float> whole = evaluate({{0, 0, kLength}});
  evaluate({{1, 0, kLength}});  // something else in slot 1
  evaluate({{2, 0, kPageTokens}});
  states_->copy_slot(2, 1);
  evaluate({{2, kPageTokens, 3}});  // the state in slot 2 moves on
  states_->copy_slot(1, 2);
  const std::vector<float> rest = evaluate({{2, kPageTokens, kLength - kPageTokens}});
  const auto skipped = static_cast<std::ptrdiff_t>(kPageTokens * case_.vocabulary());
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + skipped));
}

// Guesses of 0 and 2 stand beside the rows of 1; of those behind position 19 some are right.
TEST_P(CompanyTest, LogitsAreBitIdenticalBehindRowsThatWereRedone) {
  constexpr std::int64_t kBefore = 19;
  constexpr std::int64_t kRight[] = {3, 0, 6};  // rows of each sequence that stay
  const std::vector<float> whole = evaluate({{0, 0, kLength}});
  ASSERT_TRUE(model_->allow_trials());
  states_ = std::move(*backend_->make_state_store(model_->state_shape(5)));
  for (int s = 0; s < 3; ++s) states_->clear_slot(s);
  evaluate({{0, 0, kBefore}, {2, 0, kBefore}});
  states_->copy_slot(0, 3);
  states_->copy_slot(2, 4);
  const TrialRows trials[] = {{0, 8}, {8 + 5, 9}};
  evaluate({{0, kBefore, 8}, {1, 0, 5}, {2, kBefore, 9}}, trials, kBefore + kRight[2]);
  states_->copy_slot(3, 0);
  states_->copy_slot(4, 2);
  if (model_->trial_rows() > 0) {
    const RedoneRows redone[] = {{trials[1].first, kRight[2], 2}, {trials[0].first, kRight[0], 0}};
    model_->redo(redone, *states_);
  }
  for (const std::int32_t s : {0, 2}) {
    const std::int64_t first = kBefore + kRight[s];
    const std::vector<float> rest = evaluate({{s, first, kLength - first}});
    const auto skipped = static_cast<std::ptrdiff_t>(first * case_.vocabulary());
    EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + skipped)) << s;
  }
}

INSTANTIATE_TEST_SUITE_P(Mixers, CompanyTest, test::kMixerCases, test::test_name<const char*>);

}  // namespace
}  // namespace linnet
