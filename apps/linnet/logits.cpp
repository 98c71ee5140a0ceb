#include <fmt/format.h>

#include "linnet/load_engine.hpp"
#include "linnet/npy.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/interrupt_catcher.hpp"

namespace linnet::app {
namespace {

struct Options {
  ModelOptions model;
  std::vector<TokenId> tokens, input;
  std::string npy;
};

Status run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s;
  if (Status s = check_replaces_no_input(options.npy, {(*file)->file().path()}); !s) return s;
  if (Status s = check_can_be_written(options.npy); !s) return s;
  const auto engine_options = options.model.engine_options(**file);
  if (!engine_options) return engine_options.error();
  auto plan = (*file)->plan(*engine_options);
  if (!plan) return plan.error();
  const auto count = static_cast<std::int64_t>(options.tokens.size());
  const std::int64_t all = count + std::ssize(options.input);
  if (Status status = check_context(all, 0, plan->context); !status) return status;
  auto engine = load_engine(**file, *engine_options, all);
  if (!engine) return engine.error();
  const std::int64_t shape[] = {count, (*engine)->model().spec().vocabulary};
  const InterruptCatcher catcher;
  auto writer = NpyWriter::create(options.npy, shape);
  if (!writer) return writer.error();
  const auto append = [&](std::span<const float> rows) -> Status {
    if (catcher.is_interrupted()) return stopped(options.npy);
    return writer->append(rows);
  };
  const Status status = (*engine)->logits(options.tokens, options.input, /*first=*/0, append);
  return status ? writer->finish() : status;
}

}  // namespace

void add_logits(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("logits", "Write the logits of every position of a token sequence");
  auto options = std::make_shared<Options>();
  options->model.add_to(*app);
  app->add_option("--tokens", options->tokens, "token ids, comma-separated")
      ->delimiter(',')
      ->required();
  app->add_option("--input", options->input,
                  "token ids of the text that the encoder reads, comma-separated (T5 only)")
      ->delimiter(',');
  app->add_option("--npy", options->npy, "NumPy file to write, float32 [tokens, vocabulary]")
      ->type_name("FILE")
      ->required();
  app->footer(
      "Examples:\n"
      "  linnet logits --gguf model.gguf --tokens 1,2,3 --npy logits.npy");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
