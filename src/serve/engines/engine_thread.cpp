#include "serve/engines/engine_thread.hpp"

#include <algorithm>
#include <utility>

#include "base/guarded.hpp"
#include "serve/file_name_only.hpp"

namespace linnet::serve {
namespace {

// Without any text for so long, the server takes its time for its cache folder.
constexpr std::chrono::milliseconds kQuietTime{500};
// Until what found no memory is tried again.
constexpr std::chrono::milliseconds kRetryDelay{10};

// An Error if `body`, which gives nothing, throws.
template <class Body>
Status outcome_of(const Body& body) {
  return guarded([&]() -> Status {
    body();
    return {};
  });
}

// `body` must be able to go on where it broke off.
template <class Body>
void retry_until_done(const Body& body) {
  while (!outcome_of(body)) std::this_thread::sleep_for(kRetryDelay);
}

}  // namespace

EngineThread::EngineThread(std::string name, EngineSource source, SharedByEngines& shared,
                           ModelMetrics& metrics)
    : name_(std::move(name)),
      source_(std::move(source)),
      shared_(shared),
      metrics_(metrics),
      waiting_(shared.limits.most_waiting),
      stay_(shared.limits.most_idle),
      thread_([this] { run(); }) {}

EngineThread::~EngineThread() {
  stop();
  thread_.join();
}

void EngineThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

EngineThread::State EngineThread::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void EngineThread::load(std::chrono::milliseconds stay) {
  {
    const std::lock_guard lock(mutex_);
    is_load_asked_ = state_ != State::kReady;
    last_used_ = shared_.limits.now();
    stay_ = stay;
  }
  changed_.notify_all();
}

void EngineThread::unload() {
  {
    const std::lock_guard lock(mutex_);
    stay_ = std::chrono::milliseconds(0);
    // The first load is waited for.
    if (waiting_.size() == 0 && first_load_) is_load_asked_ = false;
  }
  changed_.notify_all();
}

std::chrono::milliseconds EngineThread::time_left() const {
  const std::lock_guard lock(mutex_);
  return rest_left();
}

std::optional<Status> EngineThread::first_load() const {
  const std::lock_guard lock(mutex_);
  return first_load_;
}

Status EngineThread::wait_until_loaded() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return first_load_.has_value(); });
  return *first_load_;
}

std::string EngineThread::step_problem() const {
  const std::lock_guard lock(mutex_);
  return step_problem_;
}

bool EngineThread::submit(std::vector<Job> jobs, std::chrono::milliseconds stay) {
  for (const Job& job : jobs) job.generation->collect_notices(notices_);
  {
    const std::lock_guard lock(mutex_);
    // Texts that can begin at once are not counted as waiting.
    const std::size_t most = shared_.limits.most_running;
    const auto running = static_cast<std::size_t>(metrics_.running.load());
    const std::size_t free_places = most - std::min(most, running);
    if (stopping_ || !waiting_.push(jobs, free_places)) return false;
    metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
    last_used_ = shared_.limits.now();
    stay_ = stay;
  }
  changed_.notify_all();
  return true;
}

Status EngineThread::check_memory(const EnginesInMemory& others) const {
  return source_.check_memory ? source_.check_memory(others) : Status();
}

bool EngineThread::is_wanted() {
  drop_cancelled();
  const std::lock_guard lock(mutex_);
  return !stopping_ && (is_load_asked_ || waiting_.size() > 0);
}

// Texts that wait do not count while it leaves: it will come back for them.
bool EngineThread::is_busy() const {
  const std::lock_guard lock(mutex_);
  return !resting_ || (!leaving_ && waiting_.size() > 0);
}

EngineRoom::Clock::time_point EngineThread::last_used() const {
  const std::lock_guard lock(mutex_);
  return last_used_;
}

void EngineThread::set_leaving(bool leaving) {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = leaving;
  }
  changed_.notify_all();
}

bool EngineThread::is_leaving() const {
  const std::lock_guard lock(mutex_);
  return leaving_ || (waiting_.size() == 0 && rest_left().count() == 0);
}

std::string EngineThread::told(const Error& error) const {
  return file_name_only(error.message, {source_.path.parent_path()});
}

void EngineThread::run() {
  while (wait_for_work()) {
    if (!engine_) {
      bring_in();
    } else if (engine_->idle() && is_leaving()) {
      let_go();
    } else {
      retry_until_done([this] { admit(); });
      retry_until_done([this] { step(); });
    }
    retry_until_done([this] { deliver(); });
  }
  retry_until_done([this] { fail_all("the server is shutting down"); });
  if (engine_) let_go();
}

void EngineThread::deliver() {
  if (notices_.empty()) return;
  shared_.deliver(notices_);
  notices_.clear();
}

// If that fails, so does what waits for it.
void EngineThread::bring_in() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kLoading;
  }
  const Status status = guarded([this] { return enter_and_load(); });
  const bool is_wanted = status || status.error().code != EngineRoom::kNotWanted;
  retry_until_done([&] {
    const std::lock_guard lock(mutex_);
    if (is_wanted && !first_load_) first_load_ = status;
    state_ = status ? State::kReady : is_wanted ? State::kFailed : State::kAway;
    // What came after it was found not to be wanted is for the next time.
    if (is_wanted) is_load_asked_ = false;
    last_used_ = shared_.limits.now();
  });
  changed_.notify_all();
  if (status || !is_wanted) return;
  const Error& error = status.error();
  const std::string_view code = error.code.empty() ? kLoadFailed : error.code;
  retry_until_done([&] { fail_waiting(told(error), code); });
}

Status EngineThread::enter_and_load() {
  if (Status status = shared_.room.enter(*this); !status) return status;
  Status status = guarded([this] { return load_engine(); });
  if (status) {
    shared_.room.settle(*this);
  } else {
    engine_.reset();
    shared_.room.leave(*this);
  }
  return status;
}

Status EngineThread::load_engine() {
  auto engine = source_.load();
  if (!engine) return engine.error();
  engine_.emplace(std::move(*engine), shared_, metrics_);
  return {};
}

// Not if there is something to do after all, which may have come since it was found to have
// rested for long enough. Texts are kept first, as far as they are not kept yet.
void EngineThread::let_go() {
  {
    const std::lock_guard lock(mutex_);
    const bool has_rested = waiting_.size() == 0 && rest_left().count() == 0;
    if (!leaving_ && !stopping_ && !has_rested) return;
    leaving_ = true;
    resting_ = true;
    state_ = State::kAway;  // from here on load() and submit() are for the next engine
  }
  while (engine_->keeps_texts() && engine_->save_text()) continue;
  engine_.reset();
  // Which may have it leave as long as it is in there.
  shared_.room.leave(*this);
  const std::lock_guard lock(mutex_);
  step_problem_.clear();
  leaving_ = false;
}

// With the mutex locked.
bool EngineThread::has_work() const {
  if (stopping_ || waiting_.size() > 0) return true;
  return engine_ ? leaving_ || !engine_->idle() : is_load_asked_;
}

// False when the thread is to end. Texts are kept when nothing else has been there to do for a
// while, one at a time, so that a request hardly waits for it.
bool EngineThread::wait_for_work() {
  std::unique_lock lock(mutex_);
  resting_ = !has_work();
  const bool keeps_texts = engine_ && engine_->keeps_texts();
  while (keeps_texts && !changed_.wait_for(lock, kQuietTime, [this] { return has_work(); })) {
    lock.unlock();
    const bool has_saved = engine_->save_text();
    lock.lock();
    if (!has_saved) break;
  }
  wait_for_work_or_leave(lock);
  resting_ = false;
  return !stopping_;
}

// With the mutex locked: how long it may go on with nothing to do.
std::chrono::milliseconds EngineThread::rest_left() const {
  if (stay_ == kForever) return kForever;
  const auto rested = shared_.limits.now() - last_used_;
  return std::max(std::chrono::milliseconds(0),
                  stay_ - std::chrono::duration_cast<std::chrono::milliseconds>(rested));
}

// Ends, too, if it has had nothing to do for long enough.
void EngineThread::wait_for_work_or_leave(std::unique_lock<std::mutex>& lock) {
  while (!has_work()) {
    const auto left = engine_ ? rest_left() : kForever;
    if (left == kForever) {
      changed_.wait(lock);
    } else if (left.count() == 0) {
      return;
    } else {
      changed_.wait_for(lock, std::min(left, shared_.limits.look_at_clock));
    }
  }
}

void EngineThread::drop_cancelled() {
  const std::lock_guard lock(mutex_);
  for (const Job& job : waiting_.take_cancelled()) {
    job.generation->finish(FinishReason::kCancelled);
  }
  metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
}

// Moves jobs from the queue to `jobs`, as far as the engine has room; drops those that nobody
// wants.
void EngineThread::take_jobs(std::vector<Job>& jobs) {
  drop_cancelled();
  const std::lock_guard lock(mutex_);
  if (leaving_ || waiting_.size() == 0) return;
  RunningTexts running = texts_.of_clients();
  const std::size_t room = shared_.limits.most_running - texts_.size();
  jobs.reserve(std::min(waiting_.size(), room));
  while (jobs.size() < room) {
    auto job = waiting_.pop(running);
    if (!job) break;
    jobs.push_back(std::move(*job));
    ++running[jobs.back().client];
  }
  metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
  metrics_.running = static_cast<std::int64_t>(texts_.size() + jobs.size());
}

// Gives the engine what it has room for. What can't begin, for want of memory, fails.
void EngineThread::admit() {
  std::vector<Job> jobs;
  const Status taken = outcome_of([&] { take_jobs(jobs); });
  for (Job& job : jobs) {
    const std::shared_ptr<Generation> generation = job.generation;
    const Status started = taken ? guarded([&] { return texts_.start(std::move(job), *engine_); })
                                 : Status(taken.error());
    if (started) continue;
    retry_until_done([&] { generation->fail(told(started.error())); });
    generation->cancel();
    texts_.forget(generation);
  }
}

void EngineThread::step() {
  if (engine_->idle()) return;
  const Status status = engine_->step();
  metrics_.running = static_cast<std::int64_t>(texts_.size());
  end_step(status ? "" : told(status.error()));
}

// Remembers what is wrong with the engine, empty if nothing is. What cannot go on would never
// end: all of it leaves at the next step.
void EngineThread::end_step(const std::string& problem) {
  {
    const std::lock_guard lock(mutex_);
    step_problem_ = problem;
    last_used_ = shared_.limits.now();
    // Before the news of it go out, so that who has an answer knows what is idle.
    resting_ = texts_.empty() && waiting_.size() == 0;
  }
  if (!problem.empty()) texts_.fail_all(problem);
}

void EngineThread::fail_waiting(const std::string& message, std::string_view code) {
  std::vector<Job> jobs;
  retry_until_done([&] {
    const std::lock_guard lock(mutex_);
    jobs = waiting_.take_all();
  });
  metrics_.waiting = 0;
  for (const Job& job : jobs) {
    retry_until_done([&] { job.generation->fail(message, code); });
  }
}

void EngineThread::fail_all(const std::string& message) {
  texts_.fail_all(message);
  fail_waiting(message, kEngineFailed);
  deliver();
}

}  // namespace linnet::serve
