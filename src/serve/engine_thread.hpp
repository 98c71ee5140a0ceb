#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "generate/engine.hpp"
#include "generate/prompt_pacer.hpp"
#include "serve/cache_folder.hpp"
#include "serve/job_queue.hpp"

namespace linnet::serve {

struct EngineLimits {
  std::size_t most_running = 32;  ///< texts generated side by side
  std::size_t most_waiting = 1024;
  /// Prompts are cut so that running texts wait about so long for their next token at most.
  std::chrono::milliseconds most_gap{200};
  /// Keeps what the prefix cache holds over restarts; empty: it is forgotten.
  std::filesystem::path cache_folder;
};

/// The thread that owns the engine: loads it, gives it requests from a bounded queue, and steps it
/// while there is work. All members may be called from any thread.
class EngineThread {
 public:
  using Loader = std::function<Result<std::unique_ptr<Engine>>()>;
  /// Called from the thread with what a step gave; has notify() of the texts called. Where it
  /// throws, for want of memory, it is called again.
  using Deliver = std::function<void(const Notices& notices)>;
  enum class State { kLoading, kReady, kFailed };

  /// `metrics` must outlive this.
  EngineThread(Loader loader, const EngineLimits& limits, Metrics& metrics, Deliver deliver);
  /// Cancels what is left and waits for the step that runs.
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  State state() const;
  /// Waits until the engine is loaded; the Error why it could not be.
  Status wait_until_loaded();
  /// Why the latest step could not be computed; empty if it could.
  std::string step_problem() const;
  /// How many texts of a client may run and wait where there are no others.
  std::size_t most_texts(std::uint64_t client) const {
    return limits_.most_running + waiting_.room_of(client);
  }
  /// Takes all jobs, which are of one client, or none where the queue has no room for them.
  bool submit(std::vector<Job> jobs);

 private:
  void run(const Loader& loader);
  bool load(const Loader& loader);
  bool wait_for_work();
  void keep_text(GenerateRequest& request);
  void take_jobs(std::vector<Job>& jobs);
  void admit();
  Status start(Job job);
  void step();
  Status paced_step();
  void fail_step(const std::string& problem);
  void deliver();
  void fail_all(const std::string& message);

  struct Running {
    std::shared_ptr<Generation> generation;
    std::uint64_t client;
  };
  void forget(const std::shared_ptr<Generation>& generation);

  const EngineLimits limits_;
  Metrics& metrics_;
  const Deliver deliver_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::kLoading;
  Status load_status_;
  std::string step_problem_;
  JobQueue waiting_;
  bool stopping_ = false;

  // Of the thread.
  std::unique_ptr<Engine> engine_;
  std::optional<PromptPacer> pacer_;
  std::optional<CacheFolder> kept_;
  std::vector<Running> running_;
  Notices notices_;     // of the step
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace linnet::serve
