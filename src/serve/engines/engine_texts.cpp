#include "serve/engines/engine_texts.hpp"

#include <utility>

namespace linnet::serve {

RunningTexts EngineTexts::of_clients() const {
  RunningTexts counts;
  for (const Text& text : texts_) ++counts[text.client];
  return counts;
}

Status EngineTexts::start(Job job, LoadedEngine& engine) {
  const std::shared_ptr<Generation> generation = std::move(job.generation);
  GenerateRequest& request = job.request;
  request.is_cancelled = [generation] { return generation->is_cancelled(); };
  request.on_start = [generation](std::int64_t cached) {
    generation->start(cached);
    if (generation->tells_progress()) generation->add_progress(cached);
  };
  if (generation->tells_progress()) {
    request.on_prompt = [generation](std::int64_t computed) { generation->add_progress(computed); };
  }
  request.on_logprobs = [generation](const TokenLogprobs& logprobs) {
    generation->add_logprobs(logprobs);
  };
  request.on_token = [generation](TokenId token) { return generation->push(token); };
  request.on_finish = [this, generation](const Result<FinishReason>& ending) {
    end(generation, ending);
  };
  texts_.push_back({generation, job.client});
  return engine.submit(std::move(request));
}

void EngineTexts::end(const std::shared_ptr<Generation>& generation,
                      const Result<FinishReason>& ending) {
  if (ending) {
    generation->finish(*ending);
  } else {
    const Error& error = ending.error();
    generation->fail(error.message, error.code.empty() ? kEngineFailed : error.code);
  }
  forget(generation);
}

void EngineTexts::forget(const std::shared_ptr<Generation>& generation) {
  std::erase_if(texts_, [&](const Text& text) { return text.generation == generation; });
}

void EngineTexts::fail_all(const std::string& message) {
  for (const Text& text : texts_) {
    text.generation->fail(message);
    text.generation->cancel();
  }
}

}  // namespace linnet::serve
