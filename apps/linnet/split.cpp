#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "gguf/parts.hpp"
#include "linnet/checks.hpp"
#include "linnet/console.hpp"
#include "linnet/copy_progress.hpp"
#include "linnet/model_options.hpp"
#include "linnet/output_path.hpp"
#include "linnet/subcommand.hpp"

namespace linnet::app {
namespace {

struct Options {
  ModelSource source;
  std::int64_t most_tensors = 0, most_mib = 0;
  std::string stem;
};

// Those who name a file mean what it is called before it ends with .gguf.
std::string without_extension(std::string_view name) {
  constexpr std::string_view kExtension = ".gguf";
  if (name.ends_with(kExtension)) name.remove_suffix(kExtension.size());
  return std::string(name);
}

Status run(const Options& options) {
  const auto model = find_model(options.source, Unfit::kWarn);
  if (!model) return model.error();
  const auto file = gguf::File::open(*model);
  if (!file) return file.error();
  const auto parts = gguf::write_parts(*file, {options.most_tensors, options.most_mib << 20},
                                       without_extension(options.stem), show_writing());
  if (!parts) return parts.error();
  note("parts:   {} of {} tensors\n", *parts, file->tensors().size());
  return {};
}

}  // namespace

void add_split(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand("split", "Write a model's file in several smaller ones");
  auto options = std::make_shared<Options>();
  auto* const tensors =
      app->add_option("--max-tensors", options->most_tensors, "most tensors in a part")
          ->check(whole_number_between(1, std::int64_t{1} << 30));
  auto* const size =
      app->add_option("--max-mib", options->most_mib,
                      "most MiB of tensors in a part; a larger tensor gets a part of its own")
          ->check(whole_number_between(1, std::int64_t{1} << 40));
  options->source.add_to(*app);
  app->add_option("out", options->stem,
                  "what the files' names begin with: OUT-00001-of-00003.gguf and so on")
      ->type_name("FILE")
      ->required();
  app->footer(
      "The first of the files names all of them, for every command. The tensors keep their "
      "bytes.\n\n"
      "Examples:\n"
      "  linnet split --gguf model.gguf --max-mib 4000 model\n"
      "  linnet chat --gguf model-00001-of-00003.gguf");
  app->callback([=, &exit_status] {
    if (tensors->empty() && size->empty()) {
      throw CLI::ValidationError("--max-tensors or --max-mib is required");
    }
    const std::string stem = without_extension(options->stem);
    for (const std::string& name : {options->stem, stem + ".gguf"}) {
      require_model_named(options->source, name);
    }
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
