#include <fmt/format.h>

#include <memory>

#include "linnet/checks.hpp"
#include "linnet/interrupt_catcher.hpp"
#include "linnet/output_path.hpp"
#include "linnet/percent_line.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/type_words.hpp"
#include "synth/synthesise.hpp"

namespace linnet::app {
namespace {

struct Options {
  std::string shape, type, path;
  std::uint64_t seed = 0;
};

std::string shape_names() {
  std::string names;
  for (const synth::Shape& shape : synth::all_shapes()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", shape.name);
  }
  return names;
}

std::string check_shape(const std::string& name) {
  if (synth::find_shape(name)) return {};
  return fmt::format("no shape is called {}; there are {}", name, shape_names());
}

std::string check_type(const std::string& name) {
  const auto types = synth::find_types(name);
  return types ? std::string() : types.error().message;
}

Status run(const Options& options) {
  const auto types = synth::find_types(options.type);
  if (!types) return types.error();
  const InterruptCatcher catcher;
  PercentLine line("writing");
  return synth::write_model(*synth::find_shape(options.shape), *types, options.seed, options.path,
                            [&](std::int64_t done, std::int64_t total) {
                              line.show(done, total);
                              return !catcher.is_interrupted();
                            });
}

}  // namespace

void add_synth(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "synth", "Write a model of a known shape with random weights, to measure speed with");
  auto options = std::make_shared<Options>();
  std::string shape_words = fmt::format("{{{}}}", shape_names());
  std::erase(shape_words, ' ');
  app->add_option("--shape", options->shape, shape_names())
      ->required()
      ->type_name("SHAPE")
      ->check(check_shape, shape_words);
  app->add_option("--type", options->type,
                  fmt::format("tensor type (Q4_0, F16, ...) or mix ({})", mix_names()))
      ->required()
      ->type_name("TYPE")
      ->check(check_type, type_words(synth::find_types));
  app->add_option("--seed", options->seed, "seed of the weights")
      ->check(unsigned_number())
      ->capture_default_str();
  add_output_option(*app, options->path)->required();
  app->footer(
      "Examples:\n"
      "  linnet synth --shape llama-3.2-1b --type Q4_0 out.gguf\n"
      "  linnet bench --gguf out.gguf");
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
