#include "serve/engine_thread.hpp"

#include <algorithm>

namespace linnet::serve {

EngineThread::EngineThread(Loader loader, std::size_t most_running, std::size_t most_waiting,
                           Metrics& metrics)
    : most_running_(most_running),
      most_waiting_(most_waiting),
      metrics_(metrics),
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

bool EngineThread::submit(std::vector<Job> jobs) {
  {
    const std::lock_guard lock(mutex_);
    // Those that can begin at once are not counted as waiting.
    const auto running = static_cast<std::size_t>(metrics_.running.load());
    const std::size_t room = most_waiting_ + (most_running_ - std::min(most_running_, running));
    if (stopping_ || waiting_.size() + jobs.size() > room) return false;
    for (Job& job : jobs) waiting_.push_back(std::move(job));
    metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
  }
  changed_.notify_all();
  return true;
}

void EngineThread::run(const Loader& loader) {
  if (!load(loader)) return;
  while (wait_for_work()) {
    admit();
    step();
  }
  fail_all("the server is shutting down");
}

bool EngineThread::load(const Loader& loader) {
  auto engine = loader();
  const std::lock_guard lock(mutex_);
  state_ = engine ? State::kReady : State::kFailed;
  if (engine) {
    engine_ = std::move(*engine);
    metrics_.kv_pages = engine_->scheduler().pages();
    metrics_.kv_free_pages = engine_->scheduler().free_pages();
  } else {
    load_status_ = engine.error();
  }
  changed_.notify_all();
  return state_ == State::kReady;
}

// False when the thread is to end.
bool EngineThread::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !waiting_.empty() || !engine_->idle(); });
  return !stopping_;
}

// Moves jobs from the queue to the engine, as far as it has room; drops those that nobody wants.
void EngineThread::admit() {
  std::vector<Job> jobs;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [](const Job& job) {
      const bool is_cancelled = job.generation->is_cancelled();
      if (is_cancelled) job.generation->finish(FinishReason::kCancelled);
      return is_cancelled;
    });
    while (!waiting_.empty() && running_.size() + jobs.size() < most_running_) {
      jobs.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    metrics_.waiting = static_cast<std::int64_t>(waiting_.size());
    metrics_.running = static_cast<std::int64_t>(running_.size() + jobs.size());
  }
  for (Job& job : jobs) start(std::move(job));
}

void EngineThread::start(Job job) {
  const std::shared_ptr<Generation> generation = std::move(job.generation);
  GenerateRequest& request = job.request;
  metrics_.prompt_tokens += static_cast<std::int64_t>(request.prompt.size());
  request.is_cancelled = [generation] { return generation->is_cancelled(); };
  request.on_start = [generation](std::int64_t cached) { generation->start(cached); };
  request.on_logprobs = [generation](const TokenLogprobs& logprobs) {
    generation->add_logprobs(logprobs);
  };
  request.on_token = [generation](std::int32_t token) { return generation->push(token); };
  request.on_finish = [this, generation](FinishReason reason) {
    generation->finish(reason);
    std::erase(running_, generation);
  };
  running_.push_back(generation);
  if (Status status = engine_->submit(std::move(request)); !status) {
    generation->fail(status.error().message);
    std::erase(running_, generation);
  }
}

void EngineThread::step() {
  if (engine_->idle()) return;
  const Status status = engine_->step();
  const Scheduler& scheduler = engine_->scheduler();
  ++metrics_.steps;
  metrics_.kv_free_pages = scheduler.free_pages();
  metrics_.preemptions = scheduler.preemptions();
  metrics_.running = static_cast<std::int64_t>(running_.size());
  if (status) return;
  // What cannot go on would never end: all of it leaves at the next step.
  for (const auto& generation : running_) {
    generation->fail(status.error().message);
    generation->cancel();
  }
}

void EngineThread::fail_all(const std::string& message) {
  for (const auto& generation : running_) generation->fail(message);
  const std::lock_guard lock(mutex_);
  for (const Job& job : waiting_) job.generation->fail(message);
  waiting_.clear();
}

}  // namespace linnet::serve
