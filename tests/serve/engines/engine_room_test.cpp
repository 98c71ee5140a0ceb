#include "serve/engines/engine_room.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <thread>

#include "serve/engines/generation.hpp"

namespace linnet::serve {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::int64_t kMemory = 100;

class FakeGuest : public EngineRoom::Guest {
 public:
  FakeGuest(std::string name, std::int64_t bytes) : name_(std::move(name)), bytes_(bytes) {}

  std::string_view name() const override { return name_; }
  std::int64_t bytes() const override { return bytes_; }
  Status check_memory(const EnginesInMemory& others) const override {
    if (others.bytes + bytes_ <= kMemory) return {};
    return Error{fmt::format("{} needs {} of {}", name_, bytes_, kMemory - others.bytes),
                 kNoMemory};
  }
  bool is_wanted() override {
    ++looks;
    return wanted;
  }
  bool is_busy() const override { return busy; }
  EngineRoom::Clock::time_point last_used() const override { return used; }
  void set_leaving(bool is_leaving) override {
    leaving = is_leaving;
    if (is_leaving) was_asked = true;
  }

  std::atomic<int> looks{0};  // while it waits
  std::atomic<bool> wanted{true}, busy{false}, leaving{false}, was_asked{false};
  EngineRoom::Clock::time_point used{};

 private:
  const std::string name_;
  const std::int64_t bytes_;
};

// Comes in, is loaded at once.
Status come_in(EngineRoom& room, FakeGuest& guest) {
  Status status = room.enter(guest);
  room.settle(guest);
  return status;
}

void wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 60'000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(condition()) << "for a minute";
}

// A guest that comes in on a thread of its own.
class Entering {
 public:
  Entering(EngineRoom& room, FakeGuest& guest)
      : thread_([this, &room, &guest] {
          status_ = room.enter(guest);
          is_over_ = true;
        }) {}
  ~Entering() {
    if (thread_.joinable()) thread_.join();
  }
  bool is_over() const { return is_over_; }
  Status wait() {
    thread_.join();
    return status_;
  }

 private:
  Status status_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

EngineRoom::Limits limits(std::chrono::milliseconds least_stay = 1h,
                          std::chrono::milliseconds most_wait = 1h) {
  return {.least_stay = least_stay, .most_wait = most_wait};
}

TEST(EngineRoom, ThoseThatFitAreThereTogether) {
  EngineRoom room(limits());
  FakeGuest a("a", 60), b("b", 40);
  EXPECT_TRUE(come_in(room, a));
  EXPECT_TRUE(come_in(room, b));
  EXPECT_FALSE(a.leaving);
}

TEST(EngineRoom, TheLeastRecentlyUsedOneThatIsIdleLeaves) {
  EngineRoom room(limits());
  FakeGuest a("a", 30), b("b", 30), c("c", 30), d("d", 30);
  for (FakeGuest* const guest : {&a, &b, &c}) ASSERT_TRUE(come_in(room, *guest));
  a.busy = true;
  b.used = EngineRoom::Clock::time_point(2s);
  c.used = EngineRoom::Clock::time_point(1s);
  Entering entering(room, d);
  wait_until([&] { return c.leaving.load(); });
  EXPECT_FALSE(entering.is_over()) << "it is still there";
  room.leave(c);
  EXPECT_TRUE(entering.wait());
  EXPECT_FALSE(a.leaving);
  EXPECT_FALSE(b.leaving);
}

TEST(EngineRoom, AsManyLeaveAsAreNeeded) {
  EngineRoom room(limits());
  FakeGuest a("a", 30), b("b", 30), c("c", 30), d("d", 60);
  for (FakeGuest* const guest : {&a, &b, &c}) ASSERT_TRUE(come_in(room, *guest));
  c.used = EngineRoom::Clock::time_point(1s);
  Entering entering(room, d);
  wait_until([&] { return a.leaving.load(); });
  EXPECT_FALSE(b.leaving) << "perhaps one is enough";
  room.leave(a);
  wait_until([&] { return b.leaving.load(); });
  room.leave(b);
  EXPECT_TRUE(entering.wait());
  EXPECT_FALSE(c.leaving);
}

TEST(EngineRoom, WhatDoesNotFitAloneIsAnErrorAtOnce) {
  EngineRoom room(limits());
  FakeGuest large("large", 101);
  const Status status = room.enter(large);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "large needs 101 of 100");
  EXPECT_EQ(status.error().code, kNoMemory);
  FakeGuest small("small", 1);
  EXPECT_TRUE(come_in(room, small)) << "which the other one does not keep out";
}

TEST(EngineRoom, ThoseThatAreBusyStayForAWhile) {
  EngineRoom room(limits(/*least_stay=*/1h, /*most_wait=*/50ms));
  FakeGuest a("a", 60), b("b", 60);
  ASSERT_TRUE(come_in(room, a));
  a.busy = true;
  const Status status = room.enter(b);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, kModelsBusy);
  EXPECT_THAT(status.error().message,
              HasSubstr("b needs 60 of 40; those that are there were busy"));
  EXPECT_THAT(status.error().message, HasSubstr(": a"));
  EXPECT_FALSE(a.was_asked);
}

TEST(EngineRoom, TheOneThatWasThereLongestGivesWayAtLast) {
  EngineRoom room(limits(/*least_stay=*/0ms));
  FakeGuest a("a", 50), b("b", 50), c("c", 50);
  for (FakeGuest* const guest : {&a, &b}) {
    ASSERT_TRUE(come_in(room, *guest));
    guest->busy = true;
    guest->used = EngineRoom::Clock::time_point(guest == &a ? 2s : 1s);
  }
  Entering entering(room, c);
  wait_until([&] { return a.leaving.load(); });
  EXPECT_FALSE(b.leaving);
  b.busy = false;  // which is sooner
  wait_until([&] { return b.leaving.load(); });
  room.leave(b);
  EXPECT_TRUE(entering.wait());
  EXPECT_FALSE(a.leaving) << "nobody needs its place any more";
}

// Else it would leave before it has done anything, and so would the next one.
TEST(EngineRoom, WhatIsBeingLoadedStays) {
  EngineRoom room(limits(/*least_stay=*/0ms));
  FakeGuest a("a", 60), b("b", 60);
  ASSERT_TRUE(room.enter(a));
  Entering entering(room, b);
  wait_until([&] { return b.looks > 3; });
  EXPECT_FALSE(a.was_asked);
  room.settle(a);
  wait_until([&] { return a.leaving.load(); });
  room.leave(a);
  EXPECT_TRUE(entering.wait());
}

TEST(EngineRoom, WhoGivesUpLetsTheOthersStay) {
  EngineRoom room(limits(/*least_stay=*/0ms));
  FakeGuest a("a", 60), b("b", 60);
  ASSERT_TRUE(come_in(room, a));
  a.busy = true;
  Entering entering(room, b);
  wait_until([&] { return a.leaving.load(); });
  b.wanted = false;
  const Status status = entering.wait();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EngineRoom::kNotWanted);
  EXPECT_FALSE(a.leaving);
}

TEST(EngineRoom, TheyComeInInTheOrderInWhichTheyAsk) {
  EngineRoom room(limits());
  FakeGuest a("a", 80), b("b", 80), c("c", 10);
  ASSERT_TRUE(come_in(room, a));
  a.busy = true;
  Entering second(room, b);
  wait_until([&] { return b.looks > 0; });
  Entering third(room, c);
  wait_until([&] { return c.looks > 3; });
  EXPECT_FALSE(third.is_over()) << "it would fit beside a, but b would wait for ever";
  a.busy = false;
  wait_until([&] { return a.leaving.load(); });
  room.leave(a);
  EXPECT_TRUE(second.wait());
  EXPECT_TRUE(third.wait());
}

TEST(EngineRoom, AtMostSoManyAreThere) {
  EngineRoom::Limits one = limits();
  one.most_loaded = 1;
  EngineRoom room(one);
  FakeGuest a("a", 1), b("b", 1);
  ASSERT_TRUE(come_in(room, a));
  Entering entering(room, b);
  wait_until([&] { return a.leaving.load(); });
  room.leave(a);
  EXPECT_TRUE(entering.wait());
}

}  // namespace
}  // namespace linnet::serve
