#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>

#include "base/machine.hpp"
#include "base/read_file.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "generate/text_output.hpp"
#include "linnet/checks.hpp"
#include "linnet/console.hpp"
#include "linnet/model_options.hpp"
#include "linnet/sampling_options.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kLongestPromptBytes = 1 << 28;

using Clock = std::chrono::steady_clock;

struct Options {
  ModelOptions model;
  std::string prompt = "In the beginning the Universe was created.";
  std::string prompt_file;
  std::int64_t max_tokens = 100;
  SamplingOptions sampling;
  std::int64_t top_logprobs = -1;
  bool ignore_eos = false;
  bool json = false;
};

struct Outcome {
  std::vector<TokenId> prompt, tokens;
  std::string text;
  FinishReason reason = FinishReason::kCancelled;
  std::vector<TokenLogprobs> logprobs;
  double prompt_s = 0.0, generation_s = 0.0, load_s = 0.0;
};

std::atomic<bool> interrupted{false};

// Ctrl-C ends the text; a second one ends the program, should it be in the middle of something
// long.
void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double rate(std::size_t tokens, double seconds) {
  return seconds > 0.0 ? static_cast<double>(tokens) / seconds : 0.0;
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

Result<std::string> read_prompt(const Options& options) {
  if (options.prompt_file.empty()) return options.prompt;
  return read_file(options.prompt_file, kLongestPromptBytes);
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

void print_summary(const ModelFile& file, const MemoryPlan& plan) {
  const ModelSpec& spec = file.spec();
  std::int64_t parameters = 0;
  for (const gguf::Tensor& tensor : file.file().tensors()) parameters += tensor.elements();
  const AttentionSpec& attention = spec.layers.front().attention;
  note("model:   {} ({}), {:.1f} M parameters, tensors {}\n",
       printable(spec.name.empty() ? file.file().path().filename().string() : spec.name),
       spec.architecture, static_cast<double>(parameters) / 1e6, tensor_types(file.file()));
  note("shape:   {} layers, {} heads, {} KV heads, width {}, vocabulary {}\n", spec.layers.size(),
       attention.heads, attention.kv_heads, spec.width, spec.vocabulary);
  note("memory:  weights {}, context of {} tokens {}\n", mebibytes(plan.weights_bytes),
       plan.context, mebibytes(plan.kv_bytes()));
  if (plan.context < plan.trained_context) {
    note("context: {} of the {} tokens that the model was trained for\n", plan.context,
         plan.trained_context);
  }
}

void print_report(const Outcome& outcome) {
  if (outcome.tokens.empty()) {
    note("No tokens generated for this prompt\n");
    return;
  }
  const std::size_t later = outcome.tokens.size() - 1;  // the first one came with the prompt
  note("==========\nPrompt: {} tokens, {:.3f} tokens-per-sec\n", outcome.prompt.size(),
       rate(outcome.prompt.size(), outcome.prompt_s));
  note("Generation: {} tokens, {:.3f} tokens-per-sec\n", outcome.tokens.size(),
       rate(later, outcome.generation_s));
  note("Time to first token: {:.3f} s\nPeak memory: {}\n", outcome.prompt_s,
       mebibytes(peak_memory_bytes()));
}

nlohmann::ordered_json logprobs_json(const TokenLogprobs& logprobs) {
  auto top = nlohmann::ordered_json::array();
  for (const auto& [token, logprob] : logprobs.top) {
    top.push_back({{"token", token}, {"logprob", logprob}});
  }
  return {{"token", logprobs.chosen.token}, {"logprob", logprobs.chosen.logprob}, {"top", top}};
}

Status print_json(const Outcome& outcome) {
  const std::size_t later = outcome.tokens.empty() ? 0 : outcome.tokens.size() - 1;
  nlohmann::ordered_json json = {
      {"prompt_tokens", outcome.prompt},
      {"tokens", outcome.tokens},
      {"text", outcome.text},
      {"finish_reason", reason_name(outcome.reason)},
      {"timings",
       {{"load_s", outcome.load_s},
        {"time_to_first_token_s", outcome.prompt_s},
        {"prompt_tokens_per_second", rate(outcome.prompt.size(), outcome.prompt_s)},
        {"generation_tokens_per_second", rate(later, outcome.generation_s)},
        {"peak_memory_bytes", peak_memory_bytes()}}}};
  for (const TokenLogprobs& of : outcome.logprobs) {
    json["logprobs"].push_back(logprobs_json(of));
  }
  return write_output(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Status generate(Engine& engine, const Tokenizer& tokenizer, const Options& options,
                SamplingParams sampling, Outcome& outcome) {
  TextOutput output_text(Detokenizer(tokenizer, /*at_start=*/false), options.sampling.stop,
                         options.sampling.min_tokens);
  const auto start = Clock::now();
  GenerateRequest request;
  request.prompt = outcome.prompt;
  request.max_tokens = options.max_tokens;
  request.sampling = std::move(sampling);
  request.min_tokens = options.sampling.min_tokens;
  request.top_logprobs = options.top_logprobs;
  // A text that is complete under a grammar can only end.
  if (!options.ignore_eos || options.sampling.has_grammar())
    request.stop_tokens = end_tokens(tokenizer);
  Status output;
  const auto emit = [&](const std::string& piece) {
    outcome.text += piece;
    if (output && !options.json) output = write_output(piece);
    return output.ok();
  };
  request.on_token = [&](TokenId token) {
    if (outcome.tokens.empty()) outcome.prompt_s = seconds_since(start);
    outcome.tokens.push_back(token);
    return emit(output_text.push(token)) && !output_text.stopped() && !interrupted;
  };
  request.on_logprobs = [&](const TokenLogprobs& of) { outcome.logprobs.push_back(of); };
  request.on_finish = [&](FinishReason reason) { outcome.reason = reason; };
  if (Status status = engine.submit(std::move(request)); !status) return status;
  while (!engine.idle() && !interrupted) {
    if (Status status = engine.step(); !status) return status;
  }
  outcome.generation_s = seconds_since(start) - outcome.prompt_s;
  emit(output_text.finish());
  if (output_text.stopped()) outcome.reason = FinishReason::kStop;
  if (output && !options.json) output = write_output("\n");
  return output;
}

Status run(const Options& options) {
  const auto start = Clock::now();
  auto prompt = read_prompt(options);
  if (!prompt) return prompt.error();
  auto path = find_model(options.model);
  if (!path) return path.error();
  auto file = ModelFile::open(*path, options.model.pre_tokenizer);
  if (!file) return file.error();
  const Tokenizer* tokenizer = (*file)->tokenizer();
  if (!tokenizer) {
    return Error{*path + ": the file has no tokenizer; `linnet logits` takes token ids"};
  }
  if (prompt->find('\0') != std::string::npos) {
    return Error{"the prompt has a NUL character, expected text"};
  }
  Outcome outcome;
  auto tokens = tokenizer->encode(*prompt, {.add_special = true, .parse_special = false});
  if (!tokens) return Error{"the prompt: " + tokens.error().message};
  outcome.prompt = std::move(*tokens);
  auto sampling = options.sampling.params(**file);
  if (!sampling) return sampling.error();
  const EngineOptions engine_options = options.model.engine_options();
  auto plan = (*file)->plan(engine_options);
  if (!plan) return plan.error();
  const auto prompt_tokens = static_cast<std::int64_t>(outcome.prompt.size());
  if (Status s = check_context(prompt_tokens, options.max_tokens, plan->context); !s) return s;
  print_summary(**file, *plan);

  auto engine = Engine::load(**file, engine_options, prompt_tokens + options.max_tokens);
  if (!engine) return engine.error();
  outcome.load_s = seconds_since(start);
  note("loaded:  in {:.3f} s, {} threads\n", outcome.load_s, (*engine)->threads());
  if (Status s = generate(**engine, *tokenizer, options, std::move(*sampling), outcome); !s)
    return s;
  if (Status s = (*file)->file().check_unchanged(); !s) return s;
  if (options.json) return print_json(outcome);
  print_report(outcome);
  return {};
}

}  // namespace

void add_generate(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("generate", "Continue a text");
  auto options = std::make_shared<Options>();
  const auto prompt =
      app->add_option("--prompt", options->prompt, "text to continue")->capture_default_str();
  app->add_option("--prompt-file", options->prompt_file, "file with the text to continue")
      ->excludes(prompt);
  app->add_option("--max-tokens,-m", options->max_tokens, "most tokens to generate")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  app->add_option("--logprobs", options->top_logprobs,
                  "with --json: log probabilities of each token and the so many likeliest")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20));
  options->sampling.add_to(*app, /*temperature=*/0.0f);
  app->add_flag("--ignore-eos", options->ignore_eos, "go on at the end-of-generation tokens");
  app->add_flag("--json", options->json, "print one JSON object instead of the text");
  options->model.add_to(*app);
  app->callback([options, &exit_status] {
    stop_on_signals();
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
