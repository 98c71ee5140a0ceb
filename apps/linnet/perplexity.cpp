#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "generate/text_score.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/load_engine.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/percent_line.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  ModelOptions model;
  std::string against, text;
  std::int64_t window = ScoreOptions().window;
  std::int64_t windows = 0;  ///< at most; 0: all of the text
  bool json = false;
};

// A model that is ready for windows of the text.
struct Loaded {
  std::unique_ptr<ModelFile> file;
  std::unique_ptr<Engine> engine;
  std::vector<TokenId> tokens;  // of the text
};

struct Scores {
  std::int64_t tokens = 0;
  TextScore score;
  std::optional<ModelDistance> distance;
};

Result<std::vector<TokenId>> encode(const ModelFile& file, const std::string& text,
                                    const Options& options) {
  const auto tokenizer = file.need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  auto tokens = (*tokenizer)->encode(text, {.add_special = true, .parse_special = false});
  if (!tokens) return Error{fmt::format("{}: {}", options.text, tokens.error().message)};
  const std::int64_t most = options.windows * options.window;
  if (most > 0 && most < std::ssize(*tokens)) tokens->resize(static_cast<std::size_t>(most));
  return tokens;
}

Result<Loaded> load(const ModelOptions& model, const Options& options, const std::string& text) {
  auto file = open_model(model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s.error();
  if (Status s = check_scores_prompts((*file)->spec()); !s) {
    return Error{fmt::format("{}: {}", (*file)->file().path().string(), s.error().message)};
  }
  auto tokens = encode(**file, text, options);
  if (!tokens) return tokens.error();
  const auto engine_options = model.engine_options(**file);
  if (!engine_options) return engine_options.error();
  const auto plan = (*file)->plan(*engine_options);
  if (!plan) return plan.error();
  const std::int64_t window = std::min(options.window, std::ssize(*tokens));
  if (window > plan->context) {
    return Error{fmt::format("a window of {} tokens is longer than the context, which holds {}",
                             window, plan->context)};
  }
  auto engine = load_engine(**file, *engine_options, std::max<std::int64_t>(window, 1));
  if (!engine) return engine.error();
  return Loaded{std::move(*file), std::move(*engine), std::move(*tokens)};
}

// The reference is a file of this machine, run like the model.
Result<Loaded> load_reference(const Options& options, const std::string& text,
                              const Loaded& model) {
  ModelOptions of_reference = options.model;
  of_reference.source.gguf = options.against;
  of_reference.source.repo.clear();
  of_reference.adapters.clear();
  of_reference.control_vectors.clear();
  auto reference = load(of_reference, options, text);
  if (reference && reference->tokens != model.tokens) {
    return Error{fmt::format(
        "{} cuts the text into other tokens than {}, but only models of one vocabulary can be "
        "compared",
        options.against, model.file->file().path().string())};
  }
  return reference;
}

Result<Scores> score(const Options& options) {
  const auto text = read_text(options.text);
  if (!text) return text.error();
  const auto model = load(options.model, options, *text);
  if (!model) return model.error();
  const Tokenizer& tokenizer = *model->file->tokenizer();
  PercentLine line("scoring");
  const ScoreOptions score_options = {
      .window = options.window,
      .progress = [&](std::int64_t done, std::int64_t total) { line.show(done, total); },
      .model = model->file->file().path().string(),
      .reference = options.against};
  Scores scores;
  scores.tokens = std::ssize(model->tokens);
  if (options.against.empty()) {
    auto scored = score_text(*model->engine, tokenizer, model->tokens, score_options);
    if (!scored) return Error{fmt::format("{}: {}", options.text, scored.error().message)};
    scores.score = *scored;
    return scores;
  }
  const auto reference = load_reference(options, *text, *model);
  if (!reference) return reference.error();
  auto scored =
      compare_models(*model->engine, *reference->engine, tokenizer, model->tokens, score_options);
  if (!scored) return Error{fmt::format("{}: {}", options.text, scored.error().message)};
  scores.score = scored->score;
  scores.distance = scored->distance;
  return scores;
}

// A single number has no error.
Json with_error(double value, std::optional<double> error) {
  return {{"value", value}, {"error", error ? Json(*error) : Json()}};
}

Json to_json(const Mean& mean) { return with_error(mean.value(), mean.error()); }

Json to_json(const TextScore& score) {
  return {{"perplexity", with_error(score.perplexity(), score.perplexity_error())},
          {"bits_per_byte", score.bits_a_byte()}};
}

Status print_json(const Scores& scores, const Options& options) {
  Json json = {{"tokens", scores.tokens},
               {"window", std::min(options.window, scores.tokens)},
               {"scored_tokens", scores.score.surprise.count()}};
  json.update(to_json(scores.score));
  if (scores.distance) {
    json["reference"] = to_json(scores.distance->reference);
    json["kl_divergence"] = to_json(scores.distance->divergence);
    json["same_choice"] = to_json(scores.distance->same_choice);
    json["added_surprise"] = to_json(scores.distance->added_surprise);
  }
  return write_output(json.dump() + "\n");
}

// " ± " and the error in the form of `error_format`; empty if there is none.
std::string plus_minus(std::optional<double> error, std::string_view error_format) {
  if (!error) return "";
  return " ± " + fmt::format(fmt::runtime(error_format), *error);
}

std::string perplexity_line(std::string_view name, const TextScore& score) {
  return fmt::format("{:<15}{:.4f}{}, {:.4f} bits a byte\n", name, score.perplexity(),
                     plus_minus(score.perplexity_error(), "{:.4f}"), score.bits_a_byte());
}

Status print(const Scores& scores, const Options& options) {
  const std::int64_t scored = scores.score.surprise.count();
  std::string text =
      fmt::format("tokens:        {}, of which {} {} scored, in windows of {}\n", scores.tokens,
                  scored, scored == 1 ? "is" : "are", std::min(options.window, scores.tokens));
  text += perplexity_line("perplexity:", scores.score);
  if (const auto& distance = scores.distance) {
    text += perplexity_line("reference:", distance->reference);
    const auto same_choice_error = distance->same_choice.error();
    text += fmt::format("KL divergence: {:.3e}{}\n", distance->divergence.value(),
                        plus_minus(distance->divergence.error(), "{:.1e}"));
    text += fmt::format("same choice:   {:.2f}{} %\n", 100.0 * distance->same_choice.value(),
                        same_choice_error ? plus_minus(100.0 * *same_choice_error, "{:.2f}") : "");
  }
  return write_output(text);
}

Status run(const Options& options) {
  const auto scores = score(options);
  if (!scores) return scores.error();
  return options.json ? print_json(*scores, options) : print(*scores, options);
}

}  // namespace

void add_perplexity(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "perplexity",
      "Measure how well a model predicts a text, and how far it is from another model");
  auto options = std::make_shared<Options>();
  options->model.add_to(*app);
  app->add_option("--against", options->against,
                  "GGUF file of a model to compare with, of the same vocabulary: in F16 or BF16, "
                  "it shows what quantisation has changed")
      ->type_name("FILE");
  app->add_option("--window", options->window,
                  "tokens that are evaluated together; the first half of them is only context")
      ->check(whole_number_between(kShortestWindow, 1 << 30))
      ->capture_default_str();
  app->add_option("--chunks", options->windows, "most windows to evaluate (default: all)")
      ->check(whole_number_between(1, 1 << 30));
  app->add_flag("--json", options->json, "print one JSON object");
  app->add_option("file", options->text, "file with the text, UTF-8; - for standard input")
      ->type_name("FILE")
      ->required();
  app->footer(
      "Perplexity is computed as llama.cpp does. The lower, the better. It compares models of one\n"
      "vocabulary only; others can be compared by the bits a byte.\n"
      "\n"
      "Examples:\n"
      "  linnet perplexity --gguf model-Q4_0.gguf wiki.test.raw\n"
      "  linnet perplexity --gguf model-Q4_0.gguf --against model-BF16.gguf wiki.test.raw");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
