#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "linnet/checks.hpp"
#include "linnet/console.hpp"
#include "linnet/subcommand.hpp"
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

// Percent of the work on one line of a terminal; nothing elsewhere.
class PercentLine {
 public:
  ~PercentLine() {
    if (percent_ >= 0) note("\n");
  }
  void show(std::int64_t done_bytes, std::int64_t total_bytes) {
    const auto percent = static_cast<int>(100.0 * static_cast<double>(done_bytes) /
                                          static_cast<double>(total_bytes));
    if (!is_terminal_ || percent == percent_) return;
    percent_ = percent;
    note("\rwriting {} MiB: {} %", total_bytes >> 20, percent);
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) == 1;
  int percent_ = -1;
};

std::string check_shape(const std::string& name) {
  if (synth::find_shape(name)) return {};
  return fmt::format("no shape is called {}; there are {}", name, shape_names());
}

std::string check_type(const std::string& name) {
  const auto types = synth::find_type_choice(name);
  return types ? std::string() : types.error().message;
}

Status run(const Options& options) {
  const auto types = synth::find_type_choice(options.type);
  if (!types) return types.error();
  PercentLine line;
  return synth::write_model(*synth::find_shape(options.shape), *types, options.seed, options.path,
                            [&](std::int64_t done, std::int64_t total) { line.show(done, total); });
}

}  // namespace

void add_synth(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "synth", "Write a model of a known shape with random weights, to measure speed with");
  auto options = std::make_shared<Options>();
  app->add_option("--shape", options->shape, shape_names())->required()->check(check_shape);
  app->add_option("--type", options->type, "tensor type (Q4_0, F16, ...) or mix (Q4_K_M, Q5_K_M)")
      ->required()
      ->check(check_type);
  app->add_option("--seed", options->seed, "seed of the weights")
      ->check(unsigned_number())
      ->capture_default_str();
  app->add_option("out", options->path, "GGUF file to write")->required();
  app->callback([options, &exit_status] { exit_status = report(run(*options)); });
}

}  // namespace linnet::app
