#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "generate/engine.hpp"
#include "generate/prompt_pacer.hpp"
#include "serve/cache_folder.hpp"
#include "serve/engine_room.hpp"
#include "serve/engine_source.hpp"
#include "serve/job_queue.hpp"
#include "serve/step_turns.hpp"

namespace linnet::serve {

/// Of each engine, but for the room, which they share.
struct EngineLimits {
  std::size_t most_running = 32;  ///< texts generated side by side
  std::size_t most_waiting = 1024;
  /// Prompts are cut so that running texts wait about so long for their next token at most.
  std::chrono::milliseconds most_gap{200};
  /// Keeps what the prefix cache holds over restarts; empty: it is forgotten.
  std::filesystem::path cache_folder;
  EngineRoom::Limits room;
};

/// What the engines of a server share.
struct SharedByEngines {
  /// Called from the threads of engines with what a step gave; has notify() of the texts called.
  /// Where it throws, for want of memory, it is called again.
  using Deliver = std::function<void(const Notices& notices)>;

  SharedByEngines(const EngineLimits& given, Deliver given_deliver)
      : limits(given), deliver(std::move(given_deliver)), room(limits.room) {}

  const EngineLimits limits;
  const Deliver deliver;
  EngineRoom room;
  StepTurns turns;
};

/// The thread of a model: brings its engine into memory when there are requests for it, gives it
/// requests from a bounded queue, steps it while there is work, and lets it go when another model
/// needs the room. All members may be called from any thread.
class EngineThread : private EngineRoom::Guest {
 public:
  /// kAway: it is not in memory. kLoading: it waits for room there, or is being loaded. kFailed: it
  /// is not in memory because it could not be loaded; the next request tries it again.
  enum class State { kAway, kLoading, kReady, kFailed };

  /// `name` is what errors call the model. `shared` and `metrics` must outlive this.
  EngineThread(std::string name, EngineSource source, SharedByEngines& shared,
               ModelMetrics& metrics);
  /// Cancels what is left and waits for the step that runs, or for the engine that is being loaded.
  ~EngineThread() override;
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  State state() const;
  /// Loads the engine without any request for it.
  void load();
  /// How the first load() went; nothing: it has not ended yet.
  std::optional<Status> first_load() const;
  /// Waits for that.
  Status wait_until_loaded();
  /// Why the latest step could not be computed; empty if it could.
  std::string step_problem() const;
  /// How many texts of a client may run and wait where there are no others.
  std::size_t most_texts(std::uint64_t client) const {
    return shared_.limits.most_running + waiting_.room_of(client);
  }
  /// Takes all jobs, which are of one client, or none where the queue has no room for them.
  bool submit(std::vector<Job> jobs);
  /// As the destructor does, but does not wait for anything.
  void stop();

 private:
  void run();
  void bring_in();
  Status enter_and_load();
  Status load_engine();
  void let_go();
  bool wait_for_work();
  bool has_work() const;
  bool is_leaving() const;
  void drop_cancelled();
  bool save_text();
  void keep_text(GenerateRequest& request);
  void take_jobs(std::vector<Job>& jobs);
  void admit();
  Status start(Job job);
  void step();
  Status paced_step();
  void count_step();
  void end_step(const std::string& problem);
  void deliver();
  void fail_waiting(const std::string& message, std::string_view code);
  void fail_all(const std::string& message);

  // Of EngineRoom::Guest.
  std::string_view name() const override { return name_; }
  std::int64_t bytes() const override { return source_.bytes; }
  Status check_memory(const EnginesInMemory& others) const override;
  bool is_wanted() override;
  bool is_busy() const override;
  EngineRoom::Clock::time_point last_used() const override;
  void set_leaving(bool leaving) override;

  struct Running {
    std::shared_ptr<Generation> generation;
    std::uint64_t client;
  };
  void forget(const std::shared_ptr<Generation>& generation);

  // What engines that were here before have counted.
  struct Counted {
    std::int64_t preemptions = 0, guessed = 0, accepted = 0, unsaved = 0;
  };

  const std::string name_;
  const EngineSource source_;
  SharedByEngines& shared_;
  ModelMetrics& metrics_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  State state_ = State::kAway;
  std::optional<Status> first_load_;
  std::string step_problem_;
  JobQueue waiting_;
  bool stopping_ = false;
  bool is_load_asked_ = false;
  bool leaving_ = false;  // the room wants it to go
  bool resting_ = true;   // nothing runs
  EngineRoom::Clock::time_point last_used_{};

  // Of the thread.
  std::unique_ptr<Engine> engine_;  // null: it is not in memory
  std::optional<PromptPacer> pacer_;
  std::optional<CacheFolder> kept_;
  Counted counted_;
  std::vector<Running> running_;
  Notices notices_;     // of the step
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace linnet::serve
