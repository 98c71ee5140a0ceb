#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "chat/prompt_encoding.hpp"
#include "generate/grammar_vocabulary.hpp"
#include "generate/infill.hpp"
#include "generate/sampling/is_greedy.hpp"
#include "generate/text_output.hpp"
#include "linnet/generate_outcome.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/load_engine.hpp"
#include "linnet/media_files.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/media_options.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/options/sampling_options.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/interrupt_catcher.hpp"
#include "linnet/terminal/prompt_line.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kMostAnswers = 256;
constexpr std::int64_t kAllOfContext = -1;  // as so many tokens

using Clock = std::chrono::steady_clock;

struct Options {
  ModelOptions model;
  std::string prompt = "In the beginning the Universe was created.";
  bool has_prompt = false;  ///< and this is not just the default
  std::string prompt_file;
  std::string suffix;
  std::string prompt_cache;
  MediaOptions media;
  std::int64_t max_tokens = 100;
  std::int64_t answers = 1;
  SamplingOptions sampling;
  std::int64_t top_logprobs = -1;
  bool ignore_eos = false;
  bool json = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What is piped in is the prompt if nothing else is named; programs that are started without a
// terminal have an empty input.
Result<std::string> read_prompt(const Options& options) {
  const bool is_piped = options.prompt_file == "-" ||
                        (options.prompt_file.empty() && !options.has_prompt && is_input_piped());
  if (!is_piped && options.prompt_file.empty()) return options.prompt;
  auto text = is_piped ? read_input("the prompt") : read_text(options.prompt_file);
  if (!text) return text;
  const bool is_absent = text->empty() && options.prompt_file.empty();
  return is_absent ? options.prompt : without_last_newline(std::move(*text));
}

// Shows answers one after the other, the first that has not ended as it comes.
class AnswerPrinter {
 public:
  explicit AnswerPrinter(const std::vector<Answer>& answers) : answers_(answers) {}

  void push(std::size_t answer) {
    if (answer == current_) write(new_text());
  }
  void end(std::size_t answer) {
    ended_.resize(answers_.size());
    ended_[answer] = true;
    while (current_ < answers_.size() && ended_[current_]) {
      write(new_text() + "\n");
      ++current_;
      shown_bytes_ = 0;
      if (current_ < answers_.size()) write(new_text());
    }
  }
  const Status& output() const { return output_; }

 private:
  std::string new_text() {
    std::string text = answers_[current_].text.substr(shown_bytes_);
    shown_bytes_ += text.size();
    return text;
  }
  // What a model writes must not steer a terminal; files and other programs get it as it is.
  void write(const std::string& text) {
    if (output_) output_ = write_output(is_terminal_ ? without_controls(text) : text);
  }

  const std::vector<Answer>& answers_;
  std::vector<bool> ended_;
  std::size_t current_ = 0, shown_bytes_ = 0;
  const bool is_terminal_ = isatty(STDOUT_FILENO) == 1;
  Status output_;
};

GenerateRequest make_request(const Options& options, const Tokenizer& tokenizer,
                             const SamplingParams& sampling, const GenerateOutcome& outcome,
                             const InterruptCatcher& catcher) {
  GenerateRequest request;
  request.prompt = outcome.prompt;
  request.media = outcome.media;
  request.max_tokens = options.max_tokens;
  request.sampling = sampling;
  request.min_tokens = options.sampling.min_tokens;
  request.top_logprobs = options.top_logprobs;
  // A text that is complete under a grammar can only end.
  if (!options.ignore_eos || options.sampling.has_grammar()) {
    request.stop_tokens = end_tokens(tokenizer);
  }
  request.is_cancelled = [&catcher] { return catcher.is_interrupted(); };
  return request;
}

Status generate(Engine& engine, const Tokenizer& tokenizer, const Options& options,
                const SamplingParams& sampling, const InterruptCatcher& catcher,
                GenerateOutcome& outcome) {
  outcome.answers.resize(static_cast<std::size_t>(options.answers));
  outcome.is_drawn = !is_greedy(sampling);
  const TextOutput text(tokenizer, {options.sampling.stop, options.sampling.min_tokens, {}});
  std::vector<TextOutput> texts(outcome.answers.size(), text);
  AnswerPrinter printer(outcome.answers);
  PromptLine prompt_line(std::ssize(outcome.prompt));
  Status ended;
  const auto start = Clock::now();
  for (std::size_t i = 0; i < outcome.answers.size(); ++i) {
    GenerateRequest request = make_request(options, tokenizer, sampling, outcome, catcher);
    Answer& answer = outcome.answers[i];
    answer.seed = request.sampling.seed += i;
    // The other ones wait for the prompt of the first.
    if (i == 0) {
      request.on_start = [&](std::int64_t cached) {
        outcome.cached_tokens = cached;
        prompt_line.skip(cached);
      };
    }
    request.on_token = [&, i](TokenId token) {
      if (outcome.prompt_s == 0.0) outcome.prompt_s = seconds_since(start);
      prompt_line.end();
      answer.tokens.push_back(token);
      answer.text += texts[i].push(token);
      if (!options.json) printer.push(i);
      return printer.output() && !texts[i].stopped();
    };
    request.on_logprobs = [&](const TokenLogprobs& of) { answer.logprobs.push_back(of); };
    request.on_finish = [&, i](const Result<FinishReason>& ending) {
      prompt_line.end();
      answer.text += texts[i].finish();
      if (!ending) ended = ending.error();
      if (ending) answer.reason = texts[i].stopped() ? FinishReason::kStop : *ending;
      if (!options.json && (ending || !answer.text.empty())) printer.end(i);
    };
    if (Status status = engine.submit(std::move(request)); !status) return status;
  }
  const auto after_step = [&] { prompt_line.add(engine.scheduler().last_step().prompt_rows); };
  if (Status status = engine.run(after_step); !status) return status;
  outcome.generation_s = seconds_since(start) - outcome.prompt_s;
  if (options.model.speculates()) outcome.speculation = engine.scheduler().speculation();
  return ended ? printer.output() : ended;
}

Status load_prompt_cache(Engine& engine, const std::string& path) {
  std::error_code ignored;
  if (path.empty() || !std::filesystem::exists(path, ignored)) return {};
  const auto session = engine.load_session(path);
  if (!session) return session.error();
  if (session->text.empty()) return {};
  return Error{fmt::format(
      "{}: holds a conversation that `linnet chat` saved, expected a prompt's cache: it would be "
      "overwritten",
      path)};
}

Status save_prompt_cache(Engine& engine, const std::string& path, const GenerateOutcome& outcome) {
  if (path.empty()) return {};
  std::vector<TokenId> tokens = outcome.prompt;
  const auto& answer = outcome.answers.front().tokens;
  tokens.insert(tokens.end(), answer.begin(), answer.end());
  const auto saved = engine.save_session(path, tokens);
  if (!saved) return saved.error();
  note("saved:   {} tokens in {}\n", *saved, printable(path));
  return {};
}

// Answers share the pages of the prompt; each has some of its own, as far as memory holds them.
std::int64_t choose_kv_tokens(const MemoryPlan& plan, std::int64_t prompt_tokens,
                              const Options& options) {
  const std::int64_t one = prompt_tokens + options.max_tokens;
  if (options.answers == 1) return one;
  const std::int64_t all = prompt_tokens + options.answers * (options.max_tokens + kPageTokens);
  return std::max(one, std::min(all, plan.tokens_in_half()));
}

// The prompt with a hole after it, up to options.suffix.
Result<std::vector<TokenId>> encode_hole(const ModelFile& file, const std::string& prompt,
                                         const Options& options) {
  const auto tokens = read_infill_tokens(file.file(), *file.tokenizer());
  if (!tokens) return tokens.error();
  if (!*tokens) {
    return Error{fmt::format("{}: --suffix: the model has no tokens for filling in",
                             file.file().path().string())};
  }
  return encode_infill(*file.tokenizer(), **tokens, {.prefix = prompt, .suffix = options.suffix});
}

// Pictures and sounds stand before the text. What can't fit the context takes no time and memory.
Status encode_prompt(const ModelFile& file, const Options& options, const std::string& prompt,
                     std::int64_t context, GenerateOutcome& outcome) {
  const Tokenizer& tokenizer = *file.tokenizer();
  outcome.vocabulary = file.spec().vocabulary;
  if (prompt.find('\0') != std::string::npos) {
    return Error{"the prompt has a NUL character, expected text in UTF-8"};
  }
  const std::int64_t fewest = tokenizer.fewest_tokens(prompt.size());
  if (fewest > context) {
    return Error{fmt::format("the prompt has at least {} tokens, but the context holds {}", fewest,
                             context)};
  }
  if (!options.suffix.empty()) {
    auto tokens = encode_hole(file, prompt, options);
    if (!tokens) return tokens.error();
    outcome.prompt = std::move(*tokens);
    return {};
  }
  MediaFiles media(file);
  Prompt all;
  const Status added = options.media.each([&](MediaFiles::Kind kind, const std::string& path) {
    const auto marker = media.add(kind, path, read_file);
    if (marker) all.text += *marker;
    return marker ? Status() : marker.error();
  });
  if (!added) return added;
  outcome.media = media.in(all.text);
  all.text += prompt;
  all.data.push_back({0, all.text.size()});
  auto tokens = outcome.media.empty()
                    ? tokenizer.encode(prompt, {.add_special = true, .parse_special = false})
                    : linnet::encode_prompt(tokenizer, all, tokens_of(outcome.media));
  if (!tokens) return Error{"the prompt: " + tokens.error().message};
  outcome.prompt = std::move(*tokens);
  if (outcome.media.empty()) return {};
  const TokensAround& around = tokenizer.around();
  outcome.prompt.insert(outcome.prompt.begin(), around.before.begin(), around.before.end());
  outcome.prompt.insert(outcome.prompt.end(), around.after.begin(), around.after.end());
  return {};
}

Status with_media_hint(const Status& status, const Media& media) {
  const bool has_pictures =
      std::ranges::any_of(media, [](const auto& medium) { return !medium->is_sound(); });
  if (!has_pictures) return status;
  return Error{status.error().message + "; --image-tokens makes pictures take fewer"};
}

// Who sits before a terminal may not know of the other command.
void note_chat_template(const ModelFile& file, const Options& options) {
  const bool is_at_terminal = isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  if (!is_at_terminal || options.json || !options.suffix.empty()) return;
  if (!file.file().find("tokenizer.chat_template")) return;
  note("linnet: the model has a template for conversations, which `linnet chat` uses\n");
}

Status run(Options options) {
  const auto start = Clock::now();
  if (!options.prompt_cache.empty()) {
    if (Status s = check_can_be_written(options.prompt_cache); !s) return s;
  }
  auto file = open_model(options.model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s;
  const auto tokenizer = (*file)->need_tokenizer();
  if (!tokenizer) return Error{tokenizer.error().message + "; `linnet logits` takes token ids"};
  GenerateOutcome outcome;
  const auto engine_options = options.model.engine_options(**file);
  if (!engine_options) return engine_options.error();
  const auto plan = (*file)->plan(*engine_options);
  if (!plan) return plan.error();
  const double opened_s = seconds_since(start);
  const auto prompt = read_prompt(options);  // which somebody may be typing
  if (!prompt) return prompt.error();
  const auto went_on = Clock::now();
  if (Status s = encode_prompt(**file, options, *prompt, plan->context, outcome); !s) return s;
  auto sampling = options.sampling.params(**file);
  if (!sampling) return sampling.error();
  if (options.answers > 1 && is_greedy(*sampling)) {
    note("linnet: at temperature 0 all texts are the same; with --temp 0.8 they differ\n");
  }
  const std::int64_t prompt_tokens = std::ssize(outcome.prompt);
  if (options.max_tokens == kAllOfContext) {
    options.max_tokens = std::max<std::int64_t>(plan->context - prompt_tokens, 1);
  }
  if (Status s = check_context(prompt_tokens, options.max_tokens, plan->context); !s) {
    return with_media_hint(s, outcome.media);
  }
  note_summary(**file, *plan);
  note_chat_template(**file, options);

  auto engine =
      load_engine(**file, *engine_options, choose_kv_tokens(*plan, prompt_tokens, options));
  if (!engine) return engine.error();
  if (Status s = load_prompt_cache(**engine, options.prompt_cache); !s) return s;
  // Until here Ctrl-C ends the program at once: there is nothing to report.
  const InterruptCatcher catcher;
  outcome.load_s = opened_s + seconds_since(went_on);
  note("loaded:  in {:.3f} s, {} threads\n", outcome.load_s, (*engine)->threads());
  if (Status s = generate(**engine, **tokenizer, options, *sampling, catcher, outcome); !s)
    return s;
  if (Status s = (*file)->check_unchanged(); !s) return s;
  if (Status s = options.json ? write_json(outcome) : Status(); !s) return s;
  if (!options.json) note_report(outcome);
  return save_prompt_cache(**engine, options.prompt_cache, outcome);
}

}  // namespace

void add_generate(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("generate", "Continue a text");
  auto options = std::make_shared<Options>();
  const auto prompt =
      app->add_option("--prompt", options->prompt, "text to continue")->capture_default_str();
  app->add_option("--prompt-file", options->prompt_file,
                  "file with the text to continue, without its last newline; - for standard input, "
                  "which is also read when a text is piped in and neither option is given")
      ->type_name("FILE")
      ->excludes(prompt);
  app->add_option("--prompt-cache", options->prompt_cache,
                  "file that keeps what was computed, for the next run: read if it is there, "
                  "written at the end")
      ->type_name("FILE");
  auto* const suffix = app->add_option(
      "--suffix", options->suffix,
      "text that is to follow: the model fills in what comes between, if it was trained for that");
  options->media.add_to(*app, "before the text");
  suffix->excludes(app->get_option("--image"));
  suffix->excludes(app->get_option("--audio"));
  app->add_option("--max-tokens,-m", options->max_tokens,
                  "most tokens to generate; -1: to the end of the context")
      ->check(or_minus_one(whole_number_between(1, std::int64_t{1} << 30)))
      ->capture_default_str();
  app->add_option("--n", options->answers, "texts to generate; each takes the next seed")
      ->check(whole_number_between(1, kMostAnswers))
      ->capture_default_str();
  auto* const logprobs =
      app->add_option("--logprobs", options->top_logprobs,
                      "log probabilities of each token, and of this many of the likeliest ones")
          ->check(whole_number_between(0, std::int64_t{1} << 20));
  options->sampling.add_to(*app, /*temperature=*/0.0f);
  app->add_flag("--ignore-eos", options->ignore_eos, "do not end at end-of-generation tokens");
  logprobs->needs(app->add_flag("--json", options->json, "print one JSON object, not the text"));
  options->model.add_to(*app);
  options->model.add_encoders_to(*app);
  options->model.add_speculation_to(*app);
  app->footer(
      "Examples:\n"
      "  linnet generate --gguf model.gguf --prompt 'Once upon a time' -m 200 --temp 0.8\n"
      "  linnet generate --gguf model.gguf --prompt-file report.txt --prompt-cache report.cache\n"
      "  echo 'Once upon a time' | linnet generate --gguf model.gguf\n"
      "  linnet generate --gguf model.gguf --prompt 'A user: ' --json-schema user.json\n"
      "  linnet generate --gguf model.gguf --mmproj auto --image cat.jpg --prompt 'A picture of'\n"
      "  linnet generate --gguf model.gguf --mmproj auto --audio talk.mp3 --prompt 'It says:'\n"
      "  linnet generate --gguf model.gguf --prompt 'Names:' --n 3 --temp 1 --stop .");
  app->callback([options, prompt, &exit_status] {
    options->has_prompt = !prompt->empty();
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
