#include "serve/engines/loaded_engine.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include "base/guarded.hpp"

namespace linnet::serve {

LoadedEngine::LoadedEngine(std::unique_ptr<Engine> engine, SharedByEngines& shared,
                           ModelMetrics& metrics)
    : shared_(shared),
      metrics_(metrics),
      counted_{metrics.preemptions, metrics.guessed_tokens, metrics.accepted_tokens,
               metrics.unsaved_texts},
      engine_(std::move(engine)),
      pacer_(std::chrono::duration<double>(shared.limits.most_gap).count(),
             engine_->model().limits().rows) {
  if (!shared.limits.cache_folder.empty()) {
    kept_.emplace(shared.limits.cache_folder, *engine_);
    metrics_.restored_tokens = kept_->restore();
  }
  metrics_.kv_pages = engine_->scheduler().pages();
  metrics_.kv_free_pages = engine_->scheduler().free_pages();
  metrics_.loaded = 1;
  ++metrics_.loads;
}

LoadedEngine::~LoadedEngine() {
  kept_.reset();
  engine_.reset();
  metrics_.loaded = metrics_.kv_pages = metrics_.kv_free_pages = 0;
}

Status LoadedEngine::submit(GenerateRequest request) {
  metrics_.prompt_tokens += static_cast<std::int64_t>(request.prompt.size());
  keep_text(request);
  return engine_->submit(std::move(request));
}

// Lets the cache folder know the tokens of a text when it has ended.
void LoadedEngine::keep_text(GenerateRequest& request) {
  if (!kept_ || request.on_hidden || !engine_->can_save(request)) return;
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

bool LoadedEngine::save_text() {
  const bool is_first = metrics_.unsaved_texts == 0;
  const bool has_saved = kept_->save_one();
  metrics_.unsaved_texts = counted_.unsaved + kept_->unsaved();
  const bool is_told = is_first && metrics_.unsaved_texts > 0 && shared_.limits.on_unsaved;
  if (is_told) shared_.limits.on_unsaved(kept_->problem());
  return has_saved;
}

Status LoadedEngine::step() {
  const StepTurns::Turn turn(shared_.turns);
  engine_->limit_prompt_rows(pacer_.prompt_rows());
  const auto begin = std::chrono::steady_clock::now();
  Status status = guarded([this] { return engine_->step(); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const StepSize& size = engine_->scheduler().last_step();
  metrics_.computed_prompt_tokens += size.prompt_rows;
  if (status && size.texts + size.prompt_rows > 0) pacer_.observe(size, took.count());
  metrics_.step_time.observe(took.count());
  metrics_.prompt_rows_limit = pacer_.prompt_rows();
  count_step();
  return status;
}

void LoadedEngine::count_step() {
  const Scheduler& scheduler = engine_->scheduler();
  ++metrics_.steps;
  metrics_.kv_free_pages = scheduler.free_pages();
  metrics_.preemptions = counted_.preemptions + scheduler.preemptions();
  metrics_.guessed_tokens = counted_.guessed + scheduler.speculation().guessed;
  metrics_.accepted_tokens = counted_.accepted + scheduler.speculation().accepted;
}

}  // namespace linnet::serve
