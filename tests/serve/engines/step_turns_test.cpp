#include "serve/engines/step_turns.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <thread>

namespace linnet::serve {
namespace {

using namespace std::chrono_literals;

class StepTurnsTest : public testing::Test {
 protected:
  // Takes `count` turns, one behind the other, and writes `name` down in each.
  std::thread taker(char name, int count) {
    return std::thread([this, name, count] {
      for (int i = 0; i < count; ++i) {
        const StepTurns::Turn turn(turns_);
        log_ += name;
      }
    });
  }
  // A minute: a turn that nobody asks for is a failure, a slow machine is none.
  void wait_until_waiting(std::uint64_t count) {
    for (int i = 0; i < 60'000 && turns_.waiting() != count; ++i) std::this_thread::sleep_for(1ms);
    EXPECT_EQ(turns_.waiting(), count);
  }

  StepTurns turns_;
  std::string log_;  // of who has the turn
};

TEST_F(StepTurnsTest, TheyComeInTheOrderInWhichTheyAsk) {
  std::thread first, second, third;
  {
    const StepTurns::Turn turn(turns_);
    EXPECT_EQ(turns_.waiting(), 0u);
    first = taker('a', 1);
    wait_until_waiting(1);
    second = taker('b', 1);
    wait_until_waiting(2);
    third = taker('c', 1);
    wait_until_waiting(3);
  }
  for (std::thread* const thread : {&first, &second, &third}) thread->join();
  EXPECT_EQ(log_, "abc");
}

// Who has just had a turn does not get the next one before those that wait.
TEST_F(StepTurnsTest, WhoAsksAgainComesBehindThoseThatWait) {
  std::thread first, second;
  {
    const StepTurns::Turn turn(turns_);
    first = taker('a', 2);
    wait_until_waiting(1);
    second = taker('b', 1);
    wait_until_waiting(2);
  }
  first.join();
  second.join();
  EXPECT_EQ(log_, "aba");
}

// The log would be torn, and ThreadSanitizer says so.
TEST_F(StepTurnsTest, OneAtATime) {
  constexpr int kTurns = 2000;
  std::thread first = taker('a', kTurns), second = taker('b', kTurns);
  first.join();
  second.join();
  EXPECT_EQ(log_.size(), 2u * kTurns);
  EXPECT_EQ(std::ranges::count(log_, 'a'), kTurns);
}

}  // namespace
}  // namespace linnet::serve
