#include "generate/prompt_pacer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace linnet {
namespace {

// A machine whose steps take a known time; nothing here looks at a clock.
struct Machine {
  double text_s = 0.0;
  double chunk_s = 0.0;  // of any prompt tokens beside texts
  double row_s = 0.0;
  double growth_per_row = 0.0;  // of the cost of a row, for each row before it

  double step_s(const StepSize& size, std::int64_t position) const {
    const double row = row_s * (1.0 + growth_per_row * static_cast<double>(position));
    return text_s * static_cast<double>(size.texts) + (size.prompt_rows > 0 ? chunk_s : 0.0) +
           row * static_cast<double>(size.prompt_rows);
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
  Reading reading;
  for (int i = 0; i < 5; ++i) pacer.observe({texts, 0}, machine.step_s({texts, 0}, 0));
  for (std::int64_t position = 0; position < prompt; ++reading.steps) {
    const StepSize size{texts, std::min(pacer.prompt_rows(), prompt - position)};
    const double took_s = machine.step_s(size, position);
    pacer.observe(size, took_s);
    position += size.prompt_rows;
    reading.longest_step_s = std::max(reading.longest_step_s, took_s);
    reading.most_rows = std::max(reading.most_rows, size.prompt_rows);
  }
  return reading;
}

TEST(PromptPacer, StepsStayWithinTheBound) {
  PromptPacer pacer(kMostStep_s, kMostRows);
  const Machine machine{.text_s = 0.01, .row_s = 0.002, .growth_per_row = 0.0005};
  const Reading reading = read_prompt(pacer, machine, 4, 4000);
  EXPECT_LE(reading.longest_step_s, kMostStep_s);
  EXPECT_GT(reading.longest_step_s, kMostStep_s / 2);  // the bound is made use of
}

TEST(PromptPacer, WhatAnyChunkCostsIsNotTakenForTheCostOfRows) {
  PromptPacer pacer(kMostStep_s, kMostRows);
  const Machine machine{.text_s = 0.03, .chunk_s = 0.1, .row_s = 0.0005};
  const Reading reading = read_prompt(pacer, machine, 1, 4000);
  EXPECT_LE(reading.longest_step_s, kMostStep_s);
  EXPECT_GE(reading.most_rows, 64);
}

TEST(PromptPacer, AFastMachineTakesAllThatAStepHolds) {
  PromptPacer pacer(kMostStep_s, kMostRows);
  EXPECT_EQ(read_prompt(pacer, {.text_s = 0.001, .row_s = 0.0001}, 1, 8000).most_rows, kMostRows);
}

TEST(PromptPacer, PromptsComeToAnEndOnASlowMachine) {
  PromptPacer pacer(kMostStep_s, kMostRows);
  const Machine machine{.text_s = 1.0, .row_s = 0.5};
  const Reading reading = read_prompt(pacer, machine, 1, 100);
  EXPECT_LE(reading.longest_step_s, 2 * machine.step_s({1, 8}, 0));
  EXPECT_LE(reading.steps, 100 / 8 + 2);
}

TEST(PromptPacer, WhereTheBoundCannotBeKeptPromptsTakeAsMuchTimeAgain) {
  PromptPacer pacer(kMostStep_s, kMostRows);
  const Machine machine{.text_s = 0.3, .chunk_s = 0.25, .row_s = 0.004};
  const Reading reading = read_prompt(pacer, machine, 1, 4000);
  EXPECT_LE(reading.longest_step_s, 2 * machine.step_s({1, 8}, 0));
  EXPECT_GE(reading.most_rows, 64);
}

TEST(PromptPacer, GoesBackToLargeChunksAfterASlowTime) {
  const Machine machine{.text_s = 0.001, .row_s = 0.0005};
  const Machine slow{.text_s = 0.02, .row_s = 0.01};
  PromptPacer pacer(kMostStep_s, kMostRows);
  read_prompt(pacer, machine, 1, 4000);
  const std::int64_t usual = pacer.prompt_rows();
  read_prompt(pacer, slow, 1, 400);
  EXPECT_LT(pacer.prompt_rows(), usual / 4);
  read_prompt(pacer, machine, 1, 8000);
  EXPECT_GE(pacer.prompt_rows(), usual * 3 / 4);
}

TEST(PromptPacer, OneSlowStepIsSoonForgotten) {
  const Machine machine{.text_s = 0.03, .row_s = 0.003};
  for (const bool at_first : {true, false}) {
    PromptPacer pacer(kMostStep_s, kMostRows);
    if (!at_first) read_prompt(pacer, machine, 1, 2000);
    pacer.observe({1, pacer.prompt_rows()}, 0.5);
    for (int i = 0; i < 10; ++i) {
      const StepSize size{1, pacer.prompt_rows()};
      EXPECT_LE(machine.step_s(size, 0), kMostStep_s);
      pacer.observe(size, machine.step_s(size, 0));
    }
    EXPECT_GE(pacer.prompt_rows(), 32) << at_first;
  }
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
