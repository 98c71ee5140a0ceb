#include "serve/engines/engine_thread.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "generate/loading/model_file.hpp"
#include "support/becomes.hpp"
#include "support/failing_allocation.hpp"
#include "support/paths.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::serve {
namespace {

// The thread with the bundled model.
class EngineThreadTest : public testing::Test {
 protected:
  // How a short text ends.
  Outcome run_text(std::string& text) {
    Generation::Options options;
    const auto generation =
        std::make_shared<Generation>(*file_->tokenizer(), options, metrics_, [] {});
    Job job;
    job.generation = generation;
    job.request.prompt = *file_->tokenizer()->encode("In the beginning", {});
    job.request.max_tokens = 3;
    job.request.top_logprobs = 2;
    std::vector<Job> jobs;
    jobs.push_back(std::move(job));
    EXPECT_TRUE(engine_.submit(std::move(jobs), kForever));
    std::unique_lock lock(mutex_);
    // A minute: a text that is forgotten is a failure, a slow machine is none.
    const auto has_ended = [&] { return generation->peek().reason.has_value(); };
    EXPECT_TRUE(told_.wait_for(lock, std::chrono::minutes(1), has_ended));
    Outcome outcome;
    text = generation->take(outcome).text;
    return outcome;
  }

  static EngineLimits limits(const test::TemporaryFolder& folder) {
    EngineLimits limits;
    limits.cache_folder = folder.path();
    return limits;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(test::kBundledModel));
  ModelMetrics metrics_;
  std::mutex mutex_;
  std::condition_variable told_;
  pthread_t thread_{};  // the engine's; known once it is loaded
  SharedByEngines shared_{limits(folder_), [this](const Notices&) {
                            const std::lock_guard lock(mutex_);
                            told_.notify_all();
                          }};
  EngineThread engine_{"m",
                       {[this] {
                         thread_ = pthread_self();
                         EngineOptions options;
                         options.threads = 1;
                         return Engine::load(*file_, options, /*kv_tokens=*/512);
                       }},
                       shared_,
                       metrics_};
};

TEST_F(EngineThreadTest, AnyAllocationMayFail) {
  engine_.load(kForever);
  ASSERT_TRUE(engine_.wait_until_loaded());
  std::string expected, text;
  ASSERT_EQ(run_text(expected).error, "");
  ASSERT_NE(expected, "");
  int failed_texts = 0;
  bool has_failed = true;
  for (int before = 0; has_failed; ++before) {
    const test::FailingAllocation failing(thread_, before);
    const Outcome outcome = run_text(text);
    has_failed = failing.has_failed();
    if (outcome.error.empty()) {
      EXPECT_EQ(text, expected) << before;
    } else {
      EXPECT_EQ(outcome.error, "out of memory") << before;
      ++failed_texts;
    }
  }
  EXPECT_GT(failed_texts, 10);
  EXPECT_EQ(run_text(text).error, "");
  EXPECT_EQ(text, expected);
  const auto all_are_free = [this] { return metrics_.kv_free_pages == metrics_.kv_pages; };
  EXPECT_TRUE(test::becomes(all_are_free)) << metrics_.kv_free_pages << " of " << metrics_.kv_pages;
}

// It was lost: the model was still there when it was asked for.
TEST_F(EngineThreadTest, ALoadThatComesWhileItLeavesIsDone) {
  std::atomic<bool> is_slow = false, is_looking = false;
  EngineLimits limits;
  limits.now = [&] {
    if (is_slow.exchange(false)) {
      is_looking = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
    return EngineRoom::Clock::now();
  };
  SharedByEngines shared(limits, [](const Notices&) {});
  EngineOptions options;
  options.threads = 1;
  EngineThread engine("m", {[&] { return Engine::load(*file_, options, /*kv_tokens=*/512); }},
                      shared, metrics_);
  engine.load(kForever);
  ASSERT_TRUE(engine.wait_until_loaded());
  for (int i = 0; i < 10; ++i) {  // it was lost in one of three, as threads happened to run
    is_looking = false;
    is_slow = true;
    engine.unload();
    ASSERT_TRUE(test::becomes([&] { return is_looking.load(); }));
    engine.load(kForever);  // which waits until it has looked
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_TRUE(test::becomes([&] { return engine.state() == EngineThread::State::kReady; },
                              std::chrono::seconds(10)));
  }
}

}  // namespace
}  // namespace linnet::serve
