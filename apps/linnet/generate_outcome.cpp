#include "linnet/generate_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/machine.hpp"
#include "chat/json_text.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/terminal/console.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

double rate(std::int64_t tokens, double seconds) {
  return seconds > 0.0 ? static_cast<double>(tokens) / seconds : 0.0;
}

// The tokens that were computed for the prompt.
std::int64_t new_prompt_tokens(const GenerateOutcome& outcome) {
  return std::ssize(outcome.prompt) - outcome.cached_tokens;
}

std::int64_t generated_tokens(const GenerateOutcome& outcome) {
  std::int64_t tokens = 0;
  for (const Answer& answer : outcome.answers) tokens += std::ssize(answer.tokens);
  return tokens;
}

// The first token came with the prompt: one alone has no rate.
std::optional<double> generation_rate(const GenerateOutcome& outcome) {
  const std::int64_t tokens = generated_tokens(outcome);
  if (tokens < 2) return {};
  return rate(tokens - 1, outcome.generation_s);
}

std::string_view reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancel";
  }
  return "";
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string tensor_types(const gguf::File& file) {
  std::map<std::string_view, int> counts;
  for (const gguf::Tensor& tensor : file.tensors()) ++counts[tensor.format->name];
  std::string text;
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  }
  return text;
}

Json logprobs_json(const TokenLogprobs& logprobs) {
  auto top = Json::array();
  for (const auto& [token, logprob] : logprobs.top) {
    top.push_back({{"token", token}, {"logprob", logprob}});
  }
  return {{"token", logprobs.chosen.token}, {"logprob", logprobs.chosen.logprob}, {"top", top}};
}

// Rows of pictures have ids that mean nothing to others.
std::vector<TokenId> shown_tokens(const GenerateOutcome& outcome) {
  std::vector<TokenId> shown = outcome.prompt;
  std::ranges::replace_if(
      shown, [&](TokenId token) { return token >= outcome.vocabulary; }, TokenId{-1});
  return shown;
}

void add_answer(const Answer& answer, Json& json) {
  json["seed"] = answer.seed;
  json["tokens"] = answer.tokens;
  json["text"] = answer.text;
  json["finish_reason"] = reason_name(answer.reason);
  for (const TokenLogprobs& of : answer.logprobs) json["logprobs"].push_back(logprobs_json(of));
}

Json timings_json(const GenerateOutcome& outcome) {
  Json json = {{"load_s", outcome.load_s},
               {"time_to_first_token_s", outcome.prompt_s},
               {"prompt_tokens_per_second", rate(new_prompt_tokens(outcome), outcome.prompt_s)},
               {"generation_tokens_per_second", nullptr},
               {"peak_memory_bytes", peak_memory_bytes()}};
  if (const auto rate = generation_rate(outcome)) json["generation_tokens_per_second"] = *rate;
  return json;
}

// Where the layers run, and what they take there.
void note_shares(const ModelSpec& spec, const MemoryPlan& plan) {
  const int on_gpu = plan.gpu_layers(spec);
  note("layers:  the last {} of {} on the GPU", on_gpu, spec.layers.size());
  for (const MemoryShare& share : plan.shares) {
    note("; {} {}", share.part.backend == BackendKind::kCuda ? "GPU" : "CPU",
         mebibytes(share.bytes(plan.context)));
    if (share.available_bytes > 0) note(" of {}", mebibytes(share.available_bytes));
  }
  note("\n");
}

}  // namespace

void note_summary(const ModelFile& file, const MemoryPlan& plan) {
  const ModelSpec& spec = file.spec();
  std::int64_t parameters = 0;
  for (const gguf::Tensor& tensor : file.file().tensors()) parameters += tensor.elements();
  const AttentionSpec& attention = spec.layers.front().attention;
  note("model:   {} ({}), {:.1f} M parameters, tensors {}\n", shown_name(file), spec.architecture,
       static_cast<double>(parameters) / 1e6, tensor_types(file.file()));
  note("shape:   {} layers, {} heads, {} KV heads, width {}, vocabulary {}\n", spec.layers.size(),
       attention.heads, attention.kv_heads, spec.width, spec.vocabulary);
  note("memory:  weights {}, context of {} tokens {}\n", mebibytes(plan.weights_bytes()),
       plan.context, mebibytes(plan.kv_bytes()));
  if (const VisionFile* const vision = file.vision()) {
    note("vision:  {} ({}), tensors {}, {} of the weights\n",
         printable(vision->file().path().filename().string()), vision->spec().projector,
         tensor_types(vision->file()), mebibytes(vision->memory_bytes()));
  }
  if (const HearingFile* const hearing = file.hearing()) {
    note("hearing: {} ({}), tensors {}, {} of the weights\n",
         printable(hearing->file().path().filename().string()), hearing->spec().projector,
         tensor_types(hearing->file()), mebibytes(hearing->memory_bytes()));
  }
  if (plan.shares.size() > 1) note_shares(spec, plan);
  note_context(plan);
}

void note_report(const GenerateOutcome& outcome) {
  const std::int64_t generated = generated_tokens(outcome);
  if (generated == 0) {
    note("No tokens generated for this prompt\n");
    return;
  }
  note("==========\nPrompt: {} tokens, {:.3f} tokens-per-sec\n", outcome.prompt.size(),
       rate(new_prompt_tokens(outcome), outcome.prompt_s));
  if (const auto rate = generation_rate(outcome)) {
    note("Generation: {} tokens, {:.3f} tokens-per-sec\n", generated, *rate);
  } else {
    note("Generation: 1 token, which came with the prompt\n");
  }
  if (outcome.cached_tokens > 0) {
    note("Cached: {} tokens of the prompt, {} were computed\n", outcome.cached_tokens,
         new_prompt_tokens(outcome));
  }
  if (outcome.speculation) {
    const auto [guessed, accepted] = *outcome.speculation;
    note("Speculation: {} of {} guessed tokens were right ({:.0f} %)\n", accepted, guessed,
         guessed > 0 ? 100.0 * static_cast<double>(accepted) / static_cast<double>(guessed) : 0.0);
  }
  if (outcome.is_drawn) note("Seed: {}\n", outcome.answers.front().seed);
  note("Time to first token: {:.3f} s\nPeak memory: {}\n", outcome.prompt_s,
       mebibytes(peak_memory_bytes()));
}

Status write_json(const GenerateOutcome& outcome) {
  Json json = {{"prompt_tokens", shown_tokens(outcome)}};
  if (outcome.answers.size() == 1) {
    add_answer(outcome.answers.front(), json);
  } else {
    for (const Answer& answer : outcome.answers) {
      add_answer(answer, json["answers"].emplace_back());
    }
  }
  json["cached_tokens"] = outcome.cached_tokens;
  if (outcome.speculation) {
    json["speculation"] = {{"guessed", outcome.speculation->guessed},
                           {"accepted", outcome.speculation->accepted}};
  }
  json["timings"] = timings_json(outcome);
  return write_output(json_text(json) + "\n");
}

}  // namespace linnet::app
