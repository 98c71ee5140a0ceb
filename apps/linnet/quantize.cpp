#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "base/machine.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/options/output_path.hpp"
#include "linnet/options/scaled_file.hpp"
#include "linnet/options/type_words.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/copy_progress.hpp"
#include "quantize/choose_types.hpp"
#include "quantize/write_quantised.hpp"

namespace linnet::app {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  ModelSource source;
  std::string type, importance, path;
  std::vector<std::string> rules, adapters;
  int threads = 0;
  bool dry_run = false;
  bool json = false;
};

std::string check_type(const std::string& name) {
  const auto types = quantize::find_types(name);
  return types ? std::string() : types.error().message;
}

std::string check_rule(const std::string& text) {
  const auto rule = quantize::parse_rule(text);
  return rule ? std::string() : rule.error().message;
}

Result<std::vector<quantize::Rule>> parse_rules(const std::vector<std::string>& texts) {
  std::vector<quantize::Rule> rules;
  for (const std::string& text : texts) {
    auto rule = quantize::parse_rule(text);
    if (!rule) return rule.error();
    rules.push_back(std::move(*rule));
  }
  return rules;
}

Result<std::vector<gguf::Lora>> open_adapters(const Options& options, const gguf::File& model) {
  std::vector<gguf::Lora> adapters;
  for (const std::string& text : options.adapters) {
    const ScaledFile option = parse_scaled_file(text);
    auto adapter = gguf::Lora::open(option.path, model, option.strength);
    if (!adapter) return adapter.error();
    note_unused(*adapter);
    adapters.push_back(std::move(*adapter));
  }
  return adapters;
}

// Nothing where none is asked for.
Result<std::optional<quantize::Importance>> read_importance(const Options& options,
                                                            const gguf::File& model) {
  if (options.importance.empty()) return std::optional<quantize::Importance>();
  auto importance = quantize::Importance::read(options.importance);
  if (!importance) return importance.error();
  if (Status status = importance->check_fits(model); !status) {
    return Error{fmt::format("{}: {}", options.importance, status.error().message)};
  }
  return std::optional(std::move(*importance));
}

void note_unknown(const quantize::Importance& importance, const gguf::File& model) {
  const std::int64_t unknown = importance.unknown_to(model);
  if (unknown == 0) return;
  note("note:    {} of {} matrices of known importance are not in the model: is it another's?\n",
       unknown, importance.matrices());
}

Result<quantize::Outcome> write(const Options& options, const gguf::File& file,
                                std::span<const Format* const> chosen,
                                quantize::WriteOptions write_options) {
  const int threads = options.threads > 0 ? options.threads : usable_threads();
  std::optional<ThreadPool> pool;
  try {
    pool.emplace(threads);
  } catch (const std::system_error& error) {
    return Error{fmt::format("{} threads can't be started: {}", threads, error.code().message())};
  }
  write_options.progress = show_writing();
  return quantize::write_quantised(file, chosen, *pool, options.path, write_options);
}

// Tensors of each type.
using Counts = std::map<std::string_view, int>;

Counts count_types(std::span<const Format* const> chosen) {
  Counts counts;
  for (const Format* format : chosen) ++counts[format->name];
  return counts;
}

double bits_a_weight(const quantize::Outcome& outcome) {
  return 8.0 * static_cast<double>(outcome.after_bytes) / static_cast<double>(outcome.values);
}

Status print_json(const Options& options, const quantize::Outcome& outcome, const Counts& counts) {
  Json json = {{"before_bytes", outcome.before_bytes},
               {"after_bytes", outcome.after_bytes},
               {"bits_per_weight", bits_a_weight(outcome)},
               {"tensors", Json::object()},
               {"converted", outcome.converted},
               {"converted_again", outcome.converted_again},
               {"adapted", outcome.adapted},
               {"weighted", outcome.weighted},
               {"relative_error", options.dry_run ? Json() : Json(outcome.lost)}};
  for (const auto& [name, count] : counts) json["tensors"][std::string(name)] = count;
  return write_output(json.dump() + "\n");
}

void print(const Options& options, const quantize::Outcome& outcome, const Counts& counts) {
  constexpr double kMib = 1 << 20;
  std::string types;
  for (const auto& [name, count] : counts) {
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", count, name);
  }
  note("tensors: {}\n", types);
  if (outcome.adapted > 0) note("adapted: {} tensors\n", outcome.adapted);
  if (outcome.weighted > 0) {
    note("weighted: {} tensors by the importance of their columns\n", outcome.weighted);
  }
  note("size:    {:.1f} MiB, before {:.1f} MiB; {:.2f} bits a weight\n",
       static_cast<double>(outcome.after_bytes) / kMib,
       static_cast<double>(outcome.before_bytes) / kMib, bits_a_weight(outcome));
  if (!options.dry_run) {
    note("error:   {:.3g} % of the weights' size (root mean square)\n", 100.0 * outcome.lost);
  }
  if (outcome.coarse > 0) {
    note("note:    {} tensors have so few bits a weight that they should not do without {}\n",
         outcome.coarse,
         options.importance.empty() ? "--importance (`linnet importance` makes its file)"
                                    : "importance, but it is not known of them");
  }
  if (outcome.converted_again > 0) {
    note(
        "note:    {} of the {} converted tensors had been quantised before, so that errors add "
        "up; start from F16, BF16 or F32 where you can\n",
        outcome.converted_again, outcome.converted);
  }
}

Status run(const Options& options) {
  const auto mix = quantize::find_types(options.type);
  if (!mix) return mix.error();
  const auto rules = parse_rules(options.rules);
  if (!rules) return rules.error();
  const auto model = find_model(options.source, Unfit::kWarn);
  if (!model) return model.error();
  const auto file = gguf::File::open(*model);
  if (!file) return file.error();
  if (Status s = check_replaces_no_input(options.path, {*model, options.importance}); !s) {
    return s;
  }
  for (const std::string& adapter : options.adapters) {
    const std::string path = parse_scaled_file(adapter).path;
    if (Status s = check_replaces_no_input(options.path, {path}); !s) return s;
  }
  const auto chosen = quantize::choose_types(*file, *mix, *rules);
  if (!chosen) return chosen.error();
  const auto adapters = open_adapters(options, *file);
  if (!adapters) return adapters.error();
  const auto importance = read_importance(options, *file);
  if (!importance) return importance.error();
  if (*importance) note_unknown(**importance, *file);
  const quantize::WriteOptions write_options = {mix->file_type, *adapters,
                                                *importance ? &**importance : nullptr};
  const auto outcome = options.dry_run ? quantize::plan_quantised(*file, *chosen, write_options)
                                       : write(options, *file, *chosen, write_options);
  if (!outcome) return outcome.error();
  const Counts counts = count_types(*chosen);
  if (options.json) return print_json(options, *outcome, counts);
  print(options, *outcome, counts);
  return {};
}

}  // namespace

void add_quantize(CLI::App& parent, int& exit_status) {
  CLI::App* app = parent.add_subcommand(
      "quantize",
      "Write a model with its weights in fewer bits: smaller, faster, a little less "
      "exact");
  auto options = std::make_shared<Options>();
  app->add_option(
         "--type", options->type,
         fmt::format("tensor type (Q8_0, Q4_0, IQ2_XXS, ...), or a mix that gives the weights "
                     "which need it more bits: {}",
                     mix_names()))
      ->required()
      ->type_name("TYPE")
      ->check(check_type, type_words(quantize::find_types));
  app->add_option("--rule", options->rules,
                  "PATTERN=TYPE, a type for the tensors whose names match; * stands for any text; "
                  "repeatable, the last one that matches counts")
      ->expected(1)
      ->allow_extra_args(false)  // what follows is the file to write
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(check_rule);
  add_scaled_files(
      *app, "--lora", options->adapters,
      "GGUF file of a LoRA adapter to merge into the weights, and a factor for what it adds");
  app->add_option("--importance", options->importance,
                  "file that `linnet importance` wrote, or an imatrix of llama.cpp: columns that "
                  "matter lose less")
      ->type_name("FILE");
  app->add_option("--threads", options->threads,
                  "threads to compute with (default: one for each core that this process may use)")
      ->check(whole_number_between(1, 1024));
  app->add_flag(
      "--dry-run", options->dry_run,
      "write nothing, only tell which types the tensors would get and how large the file would be");
  app->add_flag("--json", options->json, "print what was done as one JSON object");
  options->source.add_to(*app);
  add_output_option(*app, options->path);
  app->footer(
      "The best input is a file with F16, BF16 or F32 weights.\n"
      "\n"
      "Examples:\n"
      "  linnet quantize --gguf model-BF16.gguf --type Q4_K_M model-Q4_K_M.gguf\n"
      "  linnet quantize --gguf model-BF16.gguf --type Q4_0 --rule 'blk.*.attn_v.weight=Q8_0' "
      "out.gguf\n"
      "  linnet quantize --gguf model-BF16.gguf --type Q3_K_M --importance importance.gguf "
      "out.gguf\n"
      "  linnet quantize --gguf model-BF16.gguf --lora adapter.gguf --type Q4_K_M adapted.gguf");
  app->callback([options, &exit_status] {
    if (options->path.empty() && !options->dry_run) throw CLI::RequiredError("out");
    if (!options->dry_run) require_model_named(options->source, options->path);
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
