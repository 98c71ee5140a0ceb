#include "generate/prompt_pacer.hpp"

#include <algorithm>

namespace linnet {
namespace {

// A part of the bound is left for what varies from step to step.
constexpr double kTargetShare = 0.8;
constexpr std::int64_t kFirstRows = 16;
constexpr std::int64_t kLeastRows = 8;
// Kernels compute rows in groups of this size.
constexpr std::int64_t kGroupRows = 16;
constexpr std::int64_t kMostGrowth = 2;
constexpr double kSmoothing = 0.2;

double smooth(double average, double sample) {
  return average == 0.0 ? sample : average + kSmoothing * (sample - average);
}

}  // namespace

PromptPacer::PromptPacer(double most_step_s, std::int64_t most_rows)
    : target_s_(most_step_s * kTargetShare),
      most_rows_(most_rows),
      rows_(std::min(kFirstRows, most_rows)) {}

void PromptPacer::observe(const StepSize& size, double took_s) {
  learn(size, took_s);
  if (row_s_ == 0.0) return;
  const double fitting = std::clamp((target_s_ - texts_s_) / row_s_, 0.0, 1e9);
  std::int64_t rows = static_cast<std::int64_t>(fitting);
  if (rows >= kGroupRows) rows -= rows % kGroupRows;
  // What a larger chunk costs is not known before one was tried.
  if (size.prompt_rows > 0) rows = std::min(rows, std::max(rows_, size.prompt_rows) * kMostGrowth);
  rows_ = std::clamp(rows, std::min(kLeastRows, most_rows_), most_rows_);
}

void PromptPacer::learn(const StepSize& size, double took_s) {
  if (size.prompt_rows == 0) {
    texts_s_ = smooth(texts_s_, took_s);
    return;
  }
  const double rest_s = size.texts > 0 ? took_s - texts_s_ : took_s;
  const double sample_s = std::max(rest_s, 0.0) / static_cast<double>(size.prompt_rows);
  // Rows become dearer the longer a prompt is: what is slower is believed at once.
  row_s_ = std::max(sample_s, smooth(row_s_, sample_s));
}

}  // namespace linnet
