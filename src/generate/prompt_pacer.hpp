#pragma once

#include <cstdint>

#include "generate/scheduler.hpp"

namespace linnet {

/// How many prompt tokens a step may take beside running texts, so that the running texts never
/// wait much longer than a bound for their next token. It learns from the steps that were made: a
/// step takes a time of its own, and a time for each prompt token.
class PromptPacer {
 public:
  /// Steps are to take at most `most_step_s` seconds; `most_rows` is what a step can hold.
  PromptPacer(double most_step_s, std::int64_t most_rows);

  /// For the next step; at least a few, so that prompts always come to an end.
  std::int64_t prompt_rows() const { return rows_; }

  /// A step of this size took `took_s` seconds.
  void observe(const StepSize& size, double took_s);

 private:
  void learn(const StepSize& size, double took_s);

  const double target_s_;
  const std::int64_t most_rows_;
  std::int64_t rows_;
  double texts_s_ = 0.0;  // of a step without prompt tokens; 0: not known yet
  double row_s_ = 0.0;    // that a prompt token adds; 0: not known yet
};

}  // namespace linnet
