#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "generate/scheduler.hpp"

namespace linnet {

/// How many prompt tokens a step may take alongside running texts, so that these never
/// wait much longer than a bound for their next token.
///
/// It goes up and down a ladder of chunk sizes by what steps of these sizes took: up where the two
/// latest sizes, taken as a line, say that the next one keeps to the bound; down where the bound
/// was exceeded. If even the least chunk exceeds it, a step may take twice the time of that one:
/// then most of the time is not the prompt's, and small chunks would only make it come in slowly.
class PromptPacer {
 public:
  /// Steps are to take at most `most_step_s` seconds; `most_rows` is what a step can hold.
  PromptPacer(double most_step_s, std::int64_t most_rows);

  /// For the next step; at least a few, so that prompts always come to an end.
  std::int64_t prompt_rows() const { return rungs_[rung_].rows; }

  /// A step of this size took `took_s` seconds.
  void observe(const StepSize& size, double took_s);

 private:
  struct Rung {
    std::int64_t rows;
    double took_s = 0.0;  ///< lately; 0: not known yet
  };
  double row_s() const;
  double limit_s() const;
  void go_down(double limit_s);
  void go_up_within(double limit_s);

  const double most_step_s_;
  std::vector<Rung> rungs_;
  std::size_t rung_ = 0;
  std::int64_t steps_at_bottom_ = 0;
  double texts_s_ = 0.0;  // of a step without prompt tokens; 0: not known yet
};

}  // namespace linnet
