#include "model/state_journal.hpp"

#include <gtest/gtest.h>

#include "model/model.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

constexpr int kColumns = 4, kKernel = 3;

// Sequences of one layer with a short convolution and a scan behind it in the state.
class StateJournalTest : public testing::Test {
 protected:
  StateJournalTest() {
    spec_.width = kColumns;
    spec_.layers.resize(1);
    spec_.layers[0].recurrent = LightningSpec{.heads = 2, .head_width = 2};
    states_ = std::move(*backend_->make_state_store({{kConvolution + 2 * 2 * 2}, kSlots}));
    for (int slot = 0; slot < kSlots; ++slot) states_->clear_slot(slot);
  }

  // Rows of the sequence in a slot.
  struct Rows {
    std::int32_t slot;
    std::vector<std::int32_t> positions;
  };

  // The moves of the rows of these sequences; told to `journal` where there is one.
  void move(const std::vector<Rows>& all, StateJournal* journal,
            std::span<const TrialRows> trials = {}) {
    std::vector<std::int32_t> positions, sequences, slots;
    for (const Rows& rows : all) {
      positions.insert(positions.end(), rows.positions.begin(), rows.positions.end());
      sequences.insert(sequences.end(), rows.positions.size(),
                       static_cast<std::int32_t>(slots.size()));
      slots.push_back(rows.slot);
    }
    const BatchLayout batch{positions, sequences, {}, {}, slots};
    const auto rows = std::ssize(positions);
    std::vector<float> in, decay(2 * positions.size(), 0.75f), out(positions.size() * kColumns);
    for (const std::int32_t position : positions) {
      const auto row = test::random_floats(kColumns, 100 + position);
      in.insert(in.end(), row.begin(), row.end());
    }
    const View x{in.data(), rows, kColumns, kColumns}, y{out.data(), rows, kColumns, kColumns};
    if (journal) journal->begin(batch, trials);
    const StateMove moves[] = {
        ConvolutionMove{x, {{0, 0}, kKernel, weight_.data(), nullptr, {}}},
        ScanMove{{.query = x, .key = x, .value = x, .decay = {decay.data(), rows, 2, 2}},
                 scan_params()}};
    for (const StateMove& move : moves) {
      if (journal) journal->note(move);
      std::visit([&](const auto& kind) { kind.run(*backend_, *states_, batch, y); }, move);
    }
  }
  static ScanParams scan_params() {
    ScanParams params{ScanRule::kAdd, {0, kConvolution}, 2, 2};
    params.key_width = params.value_width = 2;
    return params;
  }
  std::vector<std::byte> state(std::int32_t slot) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(states_->slot_bytes()));
    states_->export_slot(slot, bytes);
    return bytes;
  }
  StateJournal make(std::int64_t rows) {
    return StateJournal(*backend_, Workspace(std::move(*backend_->allocate(1000 + 100 * rows))));
  }

  static constexpr int kSlots = 6;
  static constexpr std::int64_t kConvolution = (kKernel - 1) * kColumns;
  const std::vector<float> weight_ = test::random_floats(kKernel * kColumns, 7);
  const std::unique_ptr<Backend> backend_ = make_reference_backend();
  std::unique_ptr<StateStore> states_;
  ModelSpec spec_;
};

// Speculation: of three guesses one is right; the state goes on through it alone.
TEST_F(StateJournalTest, RowsOnTrialCanBeMadeAgainInPart) {
  StateJournal journal = make(4);
  move({{0, {0, 1, 2}}}, nullptr);
  states_->copy_slot(0, 1);  // before the trial
  const TrialRows trials[] = {{.first = 0, .count = 4}};
  move({{0, {3, 4, 5, 6}}}, &journal, trials);
  const RedoneRows redone[] = {{.first = 0, .count = 2, .slot = 1}};
  journal.redo(redone, *states_);

  move({{2, {0, 1, 2, 3, 4}}}, nullptr);
  EXPECT_EQ(state(1), state(2));
  EXPECT_NE(state(0), state(2));
}

TEST_F(StateJournalTest, ATrialMayBeginWithinTheBatch) {
  StateJournal journal = make(4);
  move({{0, {0, 1}}}, nullptr);
  states_->copy_slot(0, 1);
  move({{1, {2, 3}}}, nullptr);  // what the batch has before the trial
  const TrialRows trials[] = {{.first = 2, .count = 2}};
  move({{0, {2, 3, 4, 5}}}, &journal, trials);
  const RedoneRows redone[] = {{.first = 2, .count = 1, .slot = 1}};
  journal.redo(redone, *states_);
  move({{2, {0, 1, 2, 3, 4}}}, nullptr);
  EXPECT_EQ(state(1), state(2));
}

TEST_F(StateJournalTest, SequencesSideBySideGoBackByThemselves) {
  StateJournal journal = make(8);
  const TrialRows trials[] = {{.first = 0, .count = 3}, {.first = 4, .count = 3}};
  // The sequence of slot 1 has a row between them that stays.
  move({{0, {0, 1, 2}}, {1, {7}}, {2, {4, 5, 6}}}, &journal, trials);
  const RedoneRows redone[] = {{.first = 4, .count = 1, .slot = 4},
                               {.first = 0, .count = 2, .slot = 3}};  // in any order
  journal.redo(redone, *states_);
  move({{5, {0, 1}}}, nullptr);
  EXPECT_EQ(state(3), state(5));
  states_->clear_slot(5);
  move({{5, {4}}}, nullptr);
  EXPECT_EQ(state(4), state(5));
}

TEST_F(StateJournalTest, ANewPassForgetsTheLastOne) {
  StateJournal journal = make(4);
  const TrialRows trials[] = {{.first = 0, .count = 2}};
  move({{0, {0, 1}}}, &journal, trials);
  states_->copy_slot(0, 1);
  move({{0, {2, 3}}}, &journal, trials);
  const RedoneRows redone[] = {{.first = 0, .count = 1, .slot = 1}};
  journal.redo(redone, *states_);
  move({{2, {0, 1, 2}}}, nullptr);
  EXPECT_EQ(state(1), state(2));
}

TEST_F(StateJournalTest, WithoutATrialNothingIsKept) {
  StateJournal journal(*backend_, Workspace(std::move(*backend_->allocate(0))));
  EXPECT_NO_THROW(move({{0, {0, 1, 2}}}, &journal));
}

TEST_F(StateJournalTest, MemoryIsForTheRowsOfLayersThatKeepStates) {
  EXPECT_GT(StateJournal::floats_for(spec_, {}, 4), 4 * 3 * kColumns);
  EXPECT_GT(StateJournal::floats_for(spec_, {}, 8), StateJournal::floats_for(spec_, {}, 4));
  EXPECT_EQ(StateJournal::floats_for(spec_, {1, 2}, 4), 0);
  // A trial has at most 64 rows, and no more than a step has outputs.
  EXPECT_EQ(trial_bytes(spec_, {512, 8}), 4 * StateJournal::floats_for(spec_, {}, 8));
  EXPECT_EQ(trial_bytes(spec_, {512, 100}), 4 * StateJournal::floats_for(spec_, {}, 64));
  spec_.layers[0].recurrent = {};
  EXPECT_EQ(trial_bytes(spec_, {512, 8}), 0);
}

}  // namespace
}  // namespace linnet
