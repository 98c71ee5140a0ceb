#include <memory>

#include "gguf/edit.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/copy_progress.hpp"

namespace linnet::app {
namespace {

struct Options {
  ModelSource source;
  std::string path;
};

Status run(const Options& options) {
  const auto model = find_model(options.source, Unfit::kWarn);
  if (!model) return model.error();
  const auto file = gguf::File::open(*model);
  if (!file) return file.error();
  if (Status s = check_replaces_no_input(options.path, {*model}); !s) return s;
  return gguf::write_edited(*file, {}, options.path, show_writing());
}

}  // namespace

void add_merge(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("merge", "Write a model of several files as one file");
  auto options = std::make_shared<Options>();
  options->source.add_to(*app);
  add_output_option(*app, options->path)->required();
  app->footer(
      "The tensors keep their bytes.\n\n"
      "Examples:\n"
      "  linnet merge --gguf model-00001-of-00003.gguf model.gguf\n"
      "  linnet merge --repo OWNER/NAME:Q8_0 model.gguf");
  app->callback([options, &exit_status] {
    require_model_named(options->source, options->path);
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
