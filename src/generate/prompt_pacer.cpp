#include "generate/prompt_pacer.hpp"

#include <algorithm>

namespace linnet {
namespace {

// A part of the bound is left for what varies from step to step.
constexpr double kTargetShare = 0.9;
constexpr std::int64_t kLeastRows = 8;
// Kernels compute rows in groups of this size.
constexpr std::int64_t kGroupRows = 16;
constexpr double kSmoothing = 0.2;
constexpr std::int64_t kStepsToTrial = 16;

std::int64_t next_size(std::int64_t rows) {
  if (rows < 2 * kGroupRows) return rows * 2;
  return (rows + rows / 2) / kGroupRows * kGroupRows;
}

// What takes longer than before is believed at once, so that the bound is soon kept again.
double renew(double average_s, double took_s) {
  return took_s > average_s ? took_s : average_s + kSmoothing * (took_s - average_s);
}

}  // namespace

PromptPacer::PromptPacer(double most_step_s, std::int64_t most_rows) : most_step_s_(most_step_s) {
  for (std::int64_t rows = kLeastRows; rows < most_rows; rows = next_size(rows)) {
    rungs_.push_back({rows});
  }
  rungs_.push_back({most_rows});
}

// By the line through the sizes here and below.
double PromptPacer::row_s() const {
  const Rung& here = rungs_[rung_];
  const Rung below = rung_ > 0 ? rungs_[rung_ - 1] : Rung{0, texts_s_};
  return std::max(here.took_s - below.took_s, 0.0) / static_cast<double>(here.rows - below.rows);
}

double PromptPacer::limit_s() const {
  const Rung& here = rungs_[rung_];
  const double least_s =
      here.took_s - row_s() * static_cast<double>(here.rows - rungs_.front().rows);
  return least_s > most_step_s_ ? 2.0 * least_s : kTargetShare * most_step_s_;
}

void PromptPacer::go_down(double limit_s) {
  const Rung& here = rungs_[rung_];
  const double fitting_rows = static_cast<double>(here.rows) * limit_s / here.took_s;
  while (rung_ > 0 && static_cast<double>(rungs_[--rung_].rows) > fitting_rows) continue;
}

void PromptPacer::go_up_within(double limit_s) {
  if (rung_ + 1 == rungs_.size()) return;
  Rung& above = rungs_[rung_ + 1];
  const auto more_rows = static_cast<double>(above.rows - rungs_[rung_].rows);
  // With the least chunk it is not known what rows cost and what any chunk costs: it is tried.
  const bool tries = rung_ == 0 && steps_at_bottom_++ % kStepsToTrial == 0;
  if (!tries && rungs_[rung_].took_s + row_s() * more_rows > limit_s) return;
  above.took_s = 0.0;  // what was known of it is old
  ++rung_;
}

void PromptPacer::observe(const StepSize& size, double took_s) {
  if (size.encodes_medium) return;  // of which it knows nothing
  if (size.prompt_rows == 0) texts_s_ = renew(texts_s_, took_s);
  // The last chunk of a prompt tells nothing of others, nor does a prompt without running texts.
  if (size.texts == 0 || size.prompt_rows != prompt_rows()) return;
  Rung& here = rungs_[rung_];
  here.took_s = renew(here.took_s, took_s);
  const double limit = limit_s();
  if (here.took_s > limit) {
    go_down(limit);
  } else {
    go_up_within(limit);
  }
}

}  // namespace linnet
