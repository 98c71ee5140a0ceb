#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "generate/engine.hpp"
#include "serve/generation.hpp"

namespace linnet::serve {

/// The thread that owns the engine: loads it, gives it requests from a bounded queue, and steps it
/// while there is work. All members may be called from any thread.
class EngineThread {
 public:
  using Loader = std::function<Result<std::unique_ptr<Engine>>()>;
  enum class State { kLoading, kReady, kFailed };

  struct Job {
    GenerateRequest request;  ///< without its callbacks
    std::shared_ptr<Generation> generation;
  };

  /// Runs at most `most_running` jobs side by side and keeps at most `most_waiting` more. `metrics`
  /// must outlive this.
  EngineThread(Loader loader, std::size_t most_running, std::size_t most_waiting, Metrics& metrics);
  /// Cancels what is left and waits for the step that runs.
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  State state() const;
  /// Waits until the engine is loaded; the Error why it could not be.
  Status wait_until_loaded();
  /// Takes all jobs, or none where the queue has no room for them.
  bool submit(std::vector<Job> jobs);

 private:
  void run(const Loader& loader);
  bool load(const Loader& loader);
  bool wait_for_work();
  void admit();
  void start(Job job);
  void step();
  void fail_all(const std::string& message);

  const std::size_t most_running_, most_waiting_;
  Metrics& metrics_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::kLoading;
  Status load_status_;
  std::deque<Job> waiting_;
  bool stopping_ = false;

  // Of the thread.
  std::unique_ptr<Engine> engine_;
  std::vector<std::shared_ptr<Generation>> running_;
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace linnet::serve
