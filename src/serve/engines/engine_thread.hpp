#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "serve/engines/engine_source.hpp"
#include "serve/engines/engine_texts.hpp"
#include "serve/engines/job_queue.hpp"
#include "serve/engines/loaded_engine.hpp"
#include "serve/engines/shared_by_engines.hpp"

namespace linnet::serve {

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
  /// Loads the engine without any request for it. For `stay` see submit().
  void load(std::chrono::milliseconds stay);
  /// Has it leave the memory when no text runs or waits.
  void unload();
  /// Time until an idle model is unloaded; kForever: only when another model needs the
  /// memory.
  std::chrono::milliseconds time_left() const;
  /// How the first load() went; nothing: it has not ended yet.
  std::optional<Status> first_load() const;
  /// Waits for that.
  Status wait_until_loaded();
  /// Why the latest step could not be computed; empty if it could.
  std::string step_problem() const;
  /// How many texts run side by side at most.
  std::size_t places() const { return shared_.limits.most_running; }
  /// How many texts of a client may run and wait if there are no others.
  std::size_t most_texts(std::uint64_t client) const {
    return shared_.limits.most_running + waiting_.room_of(client);
  }
  /// Takes all jobs, which are of one client, or none if the queue has no room for them. Then
  /// the engine stays in memory for as long as `stay` (kForever: until another model needs the
  /// room) with nothing to do.
  bool submit(std::vector<Job> jobs, std::chrono::milliseconds stay);
  /// How long that is where a request says nothing.
  std::chrono::milliseconds usual_stay() const { return shared_.limits.most_idle; }
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
  std::chrono::milliseconds rest_left() const;
  void wait_for_work_or_leave(std::unique_lock<std::mutex>& lock);
  bool is_leaving() const;
  std::string told(const Error& error) const;
  void drop_cancelled();
  void take_jobs(std::vector<Job>& jobs);
  void admit();
  void step();
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
  bool leaving_ = false;            // the room wants it to go, or it has rested for long enough
  std::chrono::milliseconds stay_;  // with nothing to do
  bool resting_ = true;             // nothing runs
  EngineRoom::Clock::time_point last_used_{};

  // Of the thread.
  std::optional<LoadedEngine> engine_;  // nothing: it is not in memory
  EngineTexts texts_;
  Notices notices_;     // of the step
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace linnet::serve
