#include "quantize/importance.hpp"

#include <fmt/format.h>

#include "generate/text_score.hpp"
#include "linnet/input_lines.hpp"
#include "linnet/load_engine.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/percent_line.hpp"

namespace linnet::app {
namespace {

constexpr std::int64_t kFewestTokens = 2;  // one more than an empty text may have

struct Options {
  ModelOptions model;
  std::string text, path;
  std::int64_t window = ScoreOptions().window;
  std::int64_t windows = 0;  ///< at most; 0: all of the text
};

class Collector final : public ProductObserver {
 public:
  void see(const Product& product) override { importance.add(product); }
  quantize::Importance importance;
};

using Windows = std::vector<std::vector<TokenId>>;

Result<Windows> read_windows(const Options& options, const Tokenizer& tokenizer) {
  const auto text = read_text(options.text);
  if (!text) return text.error();
  const auto tokens = tokenizer.encode(*text, {.add_special = true, .parse_special = false});
  if (!tokens) return Error{fmt::format("{}: {}", options.text, tokens.error().message)};
  Windows windows = cut_windows(*tokens, options.window, tokenizer.bos());
  if (options.windows > 0 && options.windows < std::ssize(windows)) {
    windows.resize(static_cast<std::size_t>(options.windows));
  }
  return windows;
}

// The results are of no use, only what goes into them.
Status evaluate(Engine& engine, const Windows& windows) {
  PercentLine line("reading");
  std::int64_t done = 0;
  for (const std::vector<TokenId>& window : windows) {
    const auto take = [](std::span<const float>) { return Status(); };
    if (Status s = engine.logits(window, {}, /*first=*/0, take); !s) return s;
    line.show(++done, std::ssize(windows));
  }
  return {};
}

Status run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s;
  const auto& model_path = (*file)->file().path();
  if (Status s = check_replaces_no_input(options.path, {model_path, options.text}); !s) return s;
  if (Status s = check_can_be_written(options.path); !s) return s;
  const auto tokenizer = (*file)->need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  const auto windows = read_windows(options, **tokenizer);
  if (!windows) return windows.error();
  const std::int64_t window = windows->empty() ? 0 : std::ssize(windows->front());
  if (window < kFewestTokens) {
    return Error{fmt::format("{}: the text has {} tokens, but at least {} are needed", options.text,
                             window, kFewestTokens)};
  }
  Collector collector;
  auto engine_options = options.model.engine_options(**file);
  if (!engine_options) return engine_options.error();
  engine_options->observer = &collector;
  const auto plan = (*file)->plan(*engine_options);
  if (!plan) return plan.error();
  if (Status s = check_context(window, 0, plan->context); !s) return s;
  const auto engine = load_engine(**file, *engine_options, window);
  if (!engine) return engine.error();
  if (Status s = evaluate(**engine, *windows); !s) return s;
  const quantize::Importance& importance = collector.importance;
  if (Status s = importance.check_finite(); !s) return s;
  if (Status s = importance.write(options.path, {options.text, std::ssize(*windows), window}); !s) {
    return s;
  }
  note("importance of {} matrices; windows of {} tokens: {}\n", importance.matrices(), window,
       windows->size());
  return {};
}

}  // namespace

void add_importance(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "importance", "Measure which weights matter while a model reads a text, for linnet quantize");
  auto options = std::make_shared<Options>();
  options->model.add_to(*app);
  app->add_option("--window", options->window, "tokens that are read together")
      ->check(whole_number_between(kFewestTokens, 1 << 30))
      ->capture_default_str();
  app->add_option("--chunks", options->windows, "most windows to read (default: all)")
      ->check(whole_number_between(1, 1 << 30));
  app->add_option("text", options->text,
                  "file with a text like those that the model is meant for; - for standard input")
      ->type_name("FILE")
      ->required();
  add_output_option(*app, options->path)->required();
  app->footer(
      "Text after the last full window is not read. About 100,000 tokens are enough.\n"
      "\n"
      "Examples:\n"
      "  linnet importance --gguf model-BF16.gguf texts.txt importance.gguf\n"
      "  linnet quantize --gguf model-BF16.gguf --type Q3_K_M --importance importance.gguf "
      "model-Q3_K_M.gguf");
  app->callback([options, &exit_status] {
    require_model_named(options->model.source, options->path);
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
