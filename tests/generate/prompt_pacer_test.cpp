#include "generate/prompt_pacer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace linnet {
namespace {

// A machine whose steps take a known time; nothing here looks at a clock.
struct Machine {
  double text_s = 0.0;
  double row_s = 0.0;
  double growth_per_row = 0.0;  // of the cost of a row, for each row before it

  double step_s(const StepSize& size, std::int64_t position) const {
    const double row = row_s * (1.0 + growth_per_row * static_cast<double>(position));
    return text_s * static_cast<double>(size.texts) + row * static_cast<double>(size.prompt_rows);
  }
};

constexpr double kMostStep_s = 0.2;
constexpr std::int64_t kMostRows = 512;

struct Reading {
  double longest_step_s = 0.0;
  std::int64_t steps = 0;
  std::int64_t most_rows = 0;
};

// A prompt comes in beside running texts.
Reading read_prompt(PromptPacer& pacer, const Machine& machine, std::int64_t texts,
                    std::int64_t prompt) {
  Reading run;
  for (std::int64_t position = 0; position < prompt; ++run.steps) {
    const StepSize size{texts, std::min(pacer.prompt_rows(), prompt - position)};
    const double took_s = machine.step_s(size, position);
    pacer.observe(size, took_s);
    position += size.prompt_rows;
    run.longest_step_s = std::max(run.longest_step_s, took_s);
    run.most_rows = std::max(run.most_rows, size.prompt_rows);
  }
  return run;
}

TEST(PromptPacer, StepsStayWithinTheBound) {
  const Machine machine{.text_s = 0.01, .row_s = 0.002, .growth_per_row = 0.0005};
  PromptPacer pacer(kMostStep_s, kMostRows);
  for (int i = 0; i < 5; ++i) pacer.observe({4, 0}, machine.step_s({4, 0}, 0));
  const Reading run = read_prompt(pacer, machine, 4, 4000);
  EXPECT_LE(run.longest_step_s, kMostStep_s);
  EXPECT_GT(run.longest_step_s, kMostStep_s / 2);  // the bound is made use of
}

TEST(PromptPacer, AFastMachineTakesAllThatAStepHolds) {
  PromptPacer pacer(kMostStep_s, kMostRows);
  const Reading run = read_prompt(pacer, {.text_s = 0.001, .row_s = 0.0001}, 1, 4000);
  EXPECT_EQ(run.most_rows, kMostRows);
}

TEST(PromptPacer, PromptsComeToAnEndOnASlowMachine) {
  const Machine machine{.text_s = 1.0, .row_s = 0.5};
  PromptPacer pacer(kMostStep_s, kMostRows);
  pacer.observe({1, 0}, machine.step_s({1, 0}, 0));
  const Reading run = read_prompt(pacer, machine, 1, 100);
  EXPECT_LE(run.steps, 100 / 8 + 2);
}

TEST(PromptPacer, GoesBackToLargeChunksAfterASlowMoment) {
  const Machine machine{.text_s = 0.001, .row_s = 0.0005};
  PromptPacer pacer(kMostStep_s, kMostRows);
  read_prompt(pacer, machine, 1, 2000);
  const std::int64_t usual = pacer.prompt_rows();
  pacer.observe({1, usual}, 3.0);
  EXPECT_LT(pacer.prompt_rows(), usual / 4);
  read_prompt(pacer, machine, 1, 8000);
  EXPECT_GE(pacer.prompt_rows(), usual * 3 / 4);
}

TEST(PromptPacer, AlwaysFitsTheBatch) {
  PromptPacer pacer(10.0, 5);
  EXPECT_EQ(pacer.prompt_rows(), 5);
  pacer.observe({1, 5}, 100.0);
  EXPECT_EQ(pacer.prompt_rows(), 5);
  pacer.observe({1, 5}, 0.0);
  EXPECT_EQ(pacer.prompt_rows(), 5);
}

}  // namespace
}  // namespace linnet
