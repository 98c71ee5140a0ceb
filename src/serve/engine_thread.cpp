#include "serve/engine_thread.hpp"

#include <algorithm>
#include <utility>

#include "base/guarded.hpp"

namespace linnet::serve {
namespace {

// Without any text for so long, the server takes its time for its cache folder.
constexpr std::chrono::milliseconds kQuietTime{500};
// Until what found no memory is tried again.
constexpr std::chrono::milliseconds kBreath{10};

// Until it throws nothing. `body` must be able to go on where it broke off.
template <class Body>
void insist(const Body& body) {
  while (!guarded([&]() -> Status { return body(), Status(); })) {
    std::this_thread::sleep_for(kBreath);
  }
}

}  // namespace

EngineThread::EngineThread(Loader loader, const EngineLimits& limits, Metrics& metrics,
                           Deliver deliver)
    : limits_(limits),
      metrics_(metrics),
      deliver_(std::move(deliver)),
      waiting_(limits.most_waiting),
      thread_([this, loader = std::move(loader)] { run(loader); }) {}

EngineThread::~EngineThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

EngineThread::State EngineThread::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

Status EngineThread::wait_until_loaded() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return state_ != State::kLoading; });
  return load_status_;
}

std::string EngineThread::step_problem() const {
  const std::lock_guard lock(mutex_);
  return step_problem_;
}

bool EngineThread::submit(std::vector<Job> jobs) {
  for (const Job& job : jobs) job.generation->collect_notices(notices_);
  {
    const std::lock_guard lock(mutex_);
    // Those that can begin at once are not counted as waiting.
    const auto running = static_cast<std::size_t>(metrics_.running.load());
    const std::size_t free_places = limits_.most_running - std::min(limits_.most_running, running);
    if (stopping_ || !waiting_.push(jobs, free_places)) return false;
    metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
  }
  changed_.notify_all();
  return true;
}

void EngineThread::run(const Loader& loader) {
  if (!load(loader)) return;
  while (wait_for_work()) {
    insist([this] { admit(); });
    insist([this] { step(); });
    insist([this] { deliver(); });
  }
  insist([this] { fail_all("the server is shutting down"); });
  while (kept_ && kept_->save_one()) continue;
}

void EngineThread::deliver() {
  if (notices_.empty()) return;
  deliver_(notices_);
  notices_.clear();
}

bool EngineThread::load(const Loader& loader) {
  auto engine = guarded(loader);
  if (engine && !limits_.cache_folder.empty()) {
    kept_.emplace(limits_.cache_folder, **engine);
    metrics_.restored_tokens = kept_->restore();
  }
  const std::lock_guard lock(mutex_);
  state_ = engine ? State::kReady : State::kFailed;
  if (engine) {
    engine_ = std::move(*engine);
    pacer_.emplace(std::chrono::duration<double>(limits_.most_gap).count(),
                   engine_->model().limits().rows);
    metrics_.kv_pages = engine_->scheduler().pages();
    metrics_.kv_free_pages = engine_->scheduler().free_pages();
  } else {
    load_status_ = engine.error();
  }
  changed_.notify_all();
  return state_ == State::kReady;
}

// False when the thread is to end. Texts are kept when nothing else has been there to do for a
// while, one at a time, so that a request hardly waits for it.
bool EngineThread::wait_for_work() {
  const auto is_wanted = [this] { return stopping_ || waiting_.size() > 0 || !engine_->idle(); };
  std::unique_lock lock(mutex_);
  while (kept_ && !changed_.wait_for(lock, kQuietTime, is_wanted)) {
    lock.unlock();
    const bool has_saved = kept_->save_one();
    metrics_.unsaved_texts = kept_->unsaved();
    lock.lock();
    if (!has_saved) break;
  }
  changed_.wait(lock, is_wanted);
  return !stopping_;
}

// Lets the cache folder know the tokens of a text when it has ended.
void EngineThread::keep_text(GenerateRequest& request) {
  if (!kept_ || request.on_hidden) return;
  auto tokens = std::make_shared<std::vector<TokenId>>(request.prompt);
  request.on_token = [tokens, next = std::move(request.on_token)](TokenId token) {
    tokens->push_back(token);
    return next(token);
  };
  request.on_finish = [this, tokens, next = std::move(request.on_finish)](const auto& ending) {
    if (ending) kept_->remember(std::move(*tokens));
    next(ending);
  };
}

// Moves jobs from the queue to `jobs`, as far as the engine has room; drops those that nobody
// wants.
void EngineThread::take_jobs(std::vector<Job>& jobs) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() == 0) return;
  RunningTexts running;
  for (const Running& text : running_) ++running[text.client];
  for (const Job& job : waiting_.take_cancelled()) {
    job.generation->finish(FinishReason::kCancelled);
  }
  const std::size_t room = limits_.most_running - running_.size();
  jobs.reserve(std::min(waiting_.size(), room));
  while (jobs.size() < room) {
    auto job = waiting_.pop(running);
    if (!job) break;
    jobs.push_back(std::move(*job));
    ++running[jobs.back().client];
  }
  metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
  metrics_.running = static_cast<std::int64_t>(running_.size() + jobs.size());
}

// Gives the engine what it has room for. What can't begin, for want of memory, fails.
void EngineThread::admit() {
  std::vector<Job> jobs;
  const Status taken = guarded([&]() -> Status { return take_jobs(jobs), Status(); });
  for (Job& job : jobs) {
    const std::shared_ptr<Generation> generation = job.generation;
    const Status started =
        taken ? guarded([&] { return start(std::move(job)); }) : Status(taken.error());
    if (started) continue;
    insist([&] { generation->fail(started.error().message); });
    forget(generation);
  }
}

void EngineThread::forget(const std::shared_ptr<Generation>& generation) {
  std::erase_if(running_, [&](const Running& text) { return text.generation == generation; });
}

Status EngineThread::start(Job job) {
  const std::shared_ptr<Generation> generation = std::move(job.generation);
  GenerateRequest& request = job.request;
  metrics_.prompt_tokens += static_cast<std::int64_t>(request.prompt.size());
  request.is_cancelled = [generation] { return generation->is_cancelled(); };
  request.on_start = [generation](std::int64_t cached) { generation->start(cached); };
  request.on_logprobs = [generation](const TokenLogprobs& logprobs) {
    generation->add_logprobs(logprobs);
  };
  request.on_token = [generation](std::int32_t token) { return generation->push(token); };
  request.on_finish = [this, generation](const Result<FinishReason>& ending) {
    if (ending) {
      generation->finish(*ending);
    } else {
      const Error& error = ending.error();
      generation->fail(error.message, error.code.empty() ? kEngineFailed : error.code);
    }
    forget(generation);
  };
  keep_text(request);
  running_.push_back({generation, job.client});
  return engine_->submit(std::move(request));
}

// Cuts prompts so that the step does not keep running texts waiting, and learns from its time.
Status EngineThread::paced_step() {
  engine_->limit_prompt_rows(pacer_->prompt_rows());
  const auto begin = std::chrono::steady_clock::now();
  Status status = guarded([this] { return engine_->step(); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const StepSize& size = engine_->scheduler().last_step();
  if (size.texts + size.prompt_rows > 0) pacer_->observe(size, took.count());
  metrics_.step_time.observe(took.count());
  metrics_.prompt_rows_limit = pacer_->prompt_rows();
  return status;
}

void EngineThread::step() {
  if (engine_->idle()) return;
  const Status status = paced_step();
  const Scheduler& scheduler = engine_->scheduler();
  ++metrics_.steps;
  metrics_.kv_free_pages = scheduler.free_pages();
  metrics_.preemptions = scheduler.preemptions();
  metrics_.running = static_cast<std::int64_t>(running_.size());
  metrics_.guessed_tokens = scheduler.speculation().guessed;
  metrics_.accepted_tokens = scheduler.speculation().accepted;
  fail_step(status ? "" : status.error().message);
}

// Remembers what is wrong with the engine, empty where nothing is. What cannot go on would never
// end: all of it leaves at the next step.
void EngineThread::fail_step(const std::string& problem) {
  {
    const std::lock_guard lock(mutex_);
    step_problem_ = problem;
  }
  if (problem.empty()) return;
  for (const Running& text : running_) {
    text.generation->fail(problem);
    text.generation->cancel();
  }
}

void EngineThread::fail_all(const std::string& message) {
  for (const Running& text : running_) text.generation->fail(message);
  {
    const std::lock_guard lock(mutex_);
    for (const Job& job : waiting_.take_all()) job.generation->fail(message);
  }
  deliver();
}

}  // namespace linnet::serve
