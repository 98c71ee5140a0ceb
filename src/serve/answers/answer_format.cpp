#include "serve/answers/answer_format.hpp"

#include <fmt/format.h>

namespace linnet::serve {
namespace {

double rate(std::int64_t tokens, double seconds) {
  return tokens > 0 && seconds > 0.0 ? static_cast<double>(tokens) / seconds : 0.0;
}

double prompt_rate(const Usage& usage) {
  return rate(usage.prompt_tokens - usage.cached_tokens, usage.prompt_s());
}

double per_token_ms(std::int64_t tokens, double seconds) {
  return tokens > 0 ? seconds * 1e3 / static_cast<double>(tokens) : 0.0;
}

// The first token came with the prompt: one alone has no rate.
Json generation_rate(const Usage& usage) {
  if (usage.completion_tokens < 2) return nullptr;
  return rate(usage.completion_tokens - 1, usage.generation_s());
}

}  // namespace

Json usage_json(const Usage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

Json timings_json(const Usage& usage) {
  Json timings = {
      {"queue_s", usage.queue_s},
      {"time_to_first_token_s", usage.completion_tokens > 0 ? Json(usage.first_token_s) : Json()},
      {"total_s", usage.total_s},
      {"prompt_tokens_per_second", prompt_rate(usage)},
      {"generation_tokens_per_second", generation_rate(usage)}};
  timings.update(llama_timings_json(usage));
  return timings;
}

Json llama_timings_json(const Usage& usage) {
  return {{"cache_n", usage.cached_tokens},
          {"prompt_n", usage.prompt_tokens - usage.cached_tokens},
          {"prompt_ms", usage.prompt_s() * 1e3},
          {"prompt_per_token_ms",
           per_token_ms(usage.prompt_tokens - usage.cached_tokens, usage.prompt_s())},
          {"prompt_per_second", prompt_rate(usage)},
          {"predicted_n", usage.completion_tokens},
          {"predicted_ms", usage.generation_s() * 1e3},
          {"predicted_per_token_ms", per_token_ms(usage.completion_tokens, usage.generation_s())},
          {"predicted_per_second", generation_rate(usage)}};
}

Json prompt_progress_json(const PromptProgress& progress, std::int64_t prompt_tokens) {
  return {{"total", prompt_tokens},
          {"cache", progress.cached_tokens},
          {"processed", progress.computed_tokens},
          {"time_ms", static_cast<std::int64_t>(progress.seconds * 1e3)}};
}

TextEvents::TextEvents(const Json& data) {
  const std::string event = server_sent_event(data);
  const std::string hole = json_text(Json(kHole));
  const std::size_t at = event.rfind(hole);
  before_ = event.substr(0, at);
  after_ = event.substr(at + hole.size());
}

std::string TextEvents::with(std::string_view text) const {
  return before_ + json_text(Json(text)) + after_;
}

std::string server_sent_event(const Json& data, std::string_view name) {
  return name.empty() ? fmt::format("data: {}\n\n", json_text(data))
                      : fmt::format("event: {}\ndata: {}\n\n", name, json_text(data));
}

}  // namespace linnet::serve
