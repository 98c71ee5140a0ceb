// Models that have nothing to do leave the memory. Time is the tests' own.

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "serve/serving.hpp"
#include "support/becomes.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

class Idle : public testing::Test {
 protected:
  static constexpr std::chrono::minutes kMostIdle{5};

  serve::ServerOptions options() {
    serve::ServerOptions options;
    options.engine.most_idle = kMostIdle;
    options.engine.now = [this] { return serve::EngineRoom::Clock::time_point(passed_.load()); };
    options.engine.look_at_clock = milliseconds(100);
    return options;
  }
  void pass(milliseconds time) { passed_ = passed_.load() + time; }
  std::string state() const { return serving_.get("/v1/models").json()["data"][0]["state"]; }
  bool becomes(const std::string& wanted) const {
    for (int i = 0; i < 6000 && state() != wanted; ++i) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    return state() == wanted;
  }
  // After so long that it has looked at the time twice.
  bool stays_loaded() const {
    std::this_thread::sleep_for(milliseconds(300));
    return state() == "loaded";
  }
  Json answer(Json fields = Json::object()) const {
    fields.update({{"prompt", "In the beginning"},
                   {"stream", false},
                   {"options", {{"temperature", 0}, {"num_predict", 4}}}});
    const auto reply = serving_.post("/api/generate", fields);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["response"];
  }
  Json expiry() const { return serving_.get("/api/ps").json()["models"][0]["expires_at"]; }

  std::atomic<milliseconds> passed_{milliseconds(0)};
  const test::Serving serving_{options()};
};

TEST_F(Idle, AModelThatNobodyAsksLeavesAndComesBack) {
  const Json text = answer();
  pass(kMostIdle - milliseconds(1));
  EXPECT_TRUE(stays_loaded());
  EXPECT_EQ(answer(), text);  // which begins the time anew
  pass(kMostIdle - milliseconds(1));
  EXPECT_TRUE(stays_loaded());
  EXPECT_EQ(answer(), text);
  EXPECT_EQ(serving_.metric("linnet_loads_total"), 1);
  pass(kMostIdle);
  EXPECT_TRUE(becomes("unloaded"));
  EXPECT_TRUE(test::becomes([&] { return serving_.metric("linnet_loaded") == 0; }));
  EXPECT_EQ(serving_.get("/health").status, 200);
  EXPECT_EQ(answer(), text);
  EXPECT_EQ(serving_.metric("linnet_loads_total"), 2);
}

TEST_F(Idle, ARequestSaysHowLong) {
  const Json text = answer({{"keep_alive", "1h"}});
  pass(kMostIdle);
  EXPECT_TRUE(stays_loaded());
  EXPECT_EQ(answer({{"keep_alive", -1}}), text);
  EXPECT_EQ(expiry(), "9999-12-31T23:59:59Z");
  pass(std::chrono::hours(1000));
  EXPECT_TRUE(stays_loaded());
  EXPECT_EQ(answer({{"keep_alive", 90}}), text);
  EXPECT_NE(expiry(), "9999-12-31T23:59:59Z");
  EXPECT_EQ(serving_.metric("linnet_loads_total"), 1);
  pass(std::chrono::seconds(90));
  EXPECT_TRUE(becomes("unloaded"));
  EXPECT_EQ(answer({{"keep_alive", 0}}), text);
  EXPECT_TRUE(becomes("unloaded"));
  EXPECT_EQ(answer(), text);
  EXPECT_EQ(serving_.metric("linnet_loads_total"), 3);
  EXPECT_NE(expiry(), "9999-12-31T23:59:59Z");
}

// As `ollama stop` and `ollama run` without a prompt do.
TEST_F(Idle, WhatAsksForNothingUnloadsAndLoads) {
  const auto ask = [&](const Json& fields) {
    return serving_.post("/api/chat", fields).json()["done_reason"];
  };
  EXPECT_EQ(ask({{"keep_alive", 0}}), "unload");
  EXPECT_TRUE(becomes("unloaded"));
  EXPECT_EQ(ask(Json::object()), "load");
  EXPECT_TRUE(becomes("loaded"));
  EXPECT_EQ(ask({{"keep_alive", "10m"}}), "load");
  pass(kMostIdle);
  EXPECT_TRUE(stays_loaded());
  EXPECT_EQ(serving_.metric("linnet_loads_total"), 2);
}

// On the machine's own clock, at which it does not look all the time.
TEST(IdleClock, AModelLeavesWhenItsTimeIsOver) {
  serve::ServerOptions options;
  options.engine.most_idle = milliseconds(200);
  const test::Serving serving(options);
  const auto is_away = [&] {
    return serving.get("/v1/models").json()["data"][0]["state"] == "unloaded";
  };
  EXPECT_TRUE(test::becomes(is_away));
}

}  // namespace
}  // namespace linnet
