#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "backend/kv_pages.hpp"
#include "base/machine.hpp"
#include "chat/json_text.hpp"
#include "linnet/bench_run.hpp"
#include "linnet/load_engine.hpp"
#include "linnet/options/checks.hpp"
#include "linnet/options/model_options.hpp"
#include "linnet/subcommand.hpp"
#include "linnet/terminal/console.hpp"
#include "linnet/terminal/percent_line.hpp"
#include "measure/ceilings.hpp"

namespace linnet::app {
namespace {

struct Options {
  ModelOptions model;
  std::vector<std::int64_t> prompt_tokens = {512}, generated_tokens = {128}, depths = {0};
  int sequences = 1, repeats = 3;
  bool json = false;
  bool csv = false;
};

// Tokens per second of the repeats; `middle` is the median.
struct Rates {
  double middle = 0.0, worst = 0.0, best = 0.0;
};

// A plan and its results.
struct Run {
  BenchPlan plan;
  BenchFloors floors;
  Rates prompt, generation;
};

// What is printed, in every form.
struct Report {
  std::string path, name, backend;
  bool on_gpu = false;
  int threads = 0;
  measure::Ceilings ceilings;
  std::vector<Run> runs;
  double load = 0.0;            // the machine's load average over a minute, before the runs
  std::int64_t peak_bytes = 0;  // of the runs

  // Shares of what the ceilings allow; 0 if that is unknown.
  double prompt_share(const Run& run) const { return run.prompt.middle * operations_s(run); }
  // What bounds a token: the bytes that it reads, or of many sequences the arithmetic.
  double generation_share(const Run& run) const {
    const double bandwidth = ceilings.best_read_bytes_per_s();
    const double read_s = bandwidth > 0.0 ? run.floors.decode_bytes / bandwidth : 0.0;
    const bool of_many = run.plan.sequences > 1;
    return run.generation.middle * (of_many ? std::max(read_s, operations_s(run)) : read_s);
  }
  double operations_s(const Run& run) const {  // of a token
    if (ceilings.int8_operations_per_s == 0.0) return 0.0;
    return run.floors.prompt_int8_operations / ceilings.int8_operations_per_s +
           run.floors.prompt_int16_operations / ceilings.int16_operations_per_s +
           run.floors.prompt_float_operations / ceilings.float_operations_per_s;
  }
};

// For each depth a plan for each prompt and generation that stand at the same place of their lists.
std::vector<BenchPlan> plans_of(const Options& options) {
  const auto at = [](const std::vector<std::int64_t>& list, std::size_t i) {
    return i < list.size() ? list[i] : 0;
  };
  std::vector<BenchPlan> plans;
  for (const std::int64_t depth : options.depths) {
    const std::size_t longest =
        std::max(options.prompt_tokens.size(), options.generated_tokens.size());
    for (std::size_t i = 0; i < longest; ++i) {
      const BenchPlan plan{at(options.prompt_tokens, i), at(options.generated_tokens, i),
                           pages_for(depth) * kPageTokens, options.sequences, options.repeats};
      if (plan.prompt_tokens + plan.generated_tokens > 0) plans.push_back(plan);
    }
  }
  return plans;
}

double load_average() {
  double load = 0.0;
  return getloadavg(&load, 1) == 1 ? load : 0.0;
}

// Of the GPU: all products of a prompt are held against those of binary16.
Result<measure::Ceilings> gpu_ceilings() {
  const auto measured = measure_cuda_ceilings();
  if (!measured) return measured.error();
  measure::Ceilings ceilings;
  ceilings.read_bytes_per_s = {measured->read_bytes_per_s};
  ceilings.int8_operations_per_s = measured->half_operations_per_s;
  ceilings.int16_operations_per_s = measured->half_operations_per_s;
  ceilings.float_operations_per_s = measured->half_operations_per_s;
  return ceilings;
}

Rates rates(const std::vector<double>& seconds, std::int64_t tokens) {
  if (seconds.empty()) return {};
  const auto count = static_cast<double>(tokens);
  const auto [shortest, longest] = std::ranges::minmax(seconds);
  return {count / median(seconds), count / longest, count / shortest};
}

std::string ceilings_line(const Report& report) {
  const measure::Ceilings& ceilings = report.ceilings;
  if (report.on_gpu) {
    return fmt::format("read {:.0f} GB/s, products of binary16 {:.0f} TFLOP/s",
                       ceilings.best_read_bytes_per_s() / 1e9,
                       ceilings.float_operations_per_s / 1e12);
  }
  std::string text = "read ";
  for (std::size_t i = 0; i < ceilings.read_bytes_per_s.size(); ++i) {
    text += fmt::format("{}{:.1f}", i == 0 ? "" : ", ", ceilings.read_bytes_per_s[i] / 1e9);
  }
  return text +
         fmt::format(
             " GB/s with 1 to {} threads ({} MiB), dot products of int8 {:.0f} and int16 {:.0f} "
             "GOP/s, float32 {:.0f} GFLOP/s",
             report.threads, ceilings.buffer_bytes >> 20, ceilings.int8_operations_per_s / 1e9,
             ceilings.int16_operations_per_s / 1e9, ceilings.float_operations_per_s / 1e9);
}

Status print_table(const Report& report) {
  std::string text = fmt::format(
      "{}\n{} kernels, {} threads, load of the machine {:.1f}\n{}\n\n"
      "{:<16}{:>8}{:>8}{:>14}{:>12}{:>12}{:>16}\n",
      report.name, report.backend, report.threads, report.load, ceilings_line(report), "", "tokens",
      "depth", "tokens/s", "worst", "best", "of the ceiling");
  const auto line = [&](std::string_view what, std::int64_t tokens, std::int64_t depth,
                        const Rates& rates, double share) {
    if (tokens == 0) return;
    text += fmt::format("{:<16}{:>8}{:>8}{:>14.2f}{:>12.2f}{:>12.2f}{:>14.0f} %\n", what, tokens,
                        depth, rates.middle, rates.worst, rates.best, 100.0 * share);
  };
  for (const Run& run : report.runs) {
    line("prompt", run.plan.prompt_tokens, run.plan.depth, run.prompt, report.prompt_share(run));
    const int sequences = run.plan.sequences;
    line(sequences > 1 ? fmt::format("generation x{}", sequences) : "generation",
         run.plan.generated_tokens, run.plan.depth, run.generation, report.generation_share(run));
  }
  return write_output(text);
}

using Json = nlohmann::ordered_json;

// Null if there were none of the tokens that it is about.
Json rate_of(std::int64_t tokens, double value) { return tokens > 0 ? Json(value) : Json(); }

Json to_json(const Report& report, const Run& run) {
  const std::int64_t prompt = run.plan.prompt_tokens, generated = run.plan.generated_tokens;
  return {{"prompt_tokens", prompt},
          {"generated_tokens", generated},
          {"depth", run.plan.depth},
          {"prompt_tokens_per_second", rate_of(prompt, run.prompt.middle)},
          {"prompt_tokens_per_second_worst", rate_of(prompt, run.prompt.worst)},
          {"prompt_tokens_per_second_best", rate_of(prompt, run.prompt.best)},
          {"prompt_share_of_ceiling", rate_of(prompt, report.prompt_share(run))},
          {"generation_tokens_per_second", rate_of(generated, run.generation.middle)},
          {"generation_tokens_per_second_worst", rate_of(generated, run.generation.worst)},
          {"generation_tokens_per_second_best", rate_of(generated, run.generation.best)},
          {"generation_share_of_ceiling", rate_of(generated, report.generation_share(run))},
          {"bytes_read_per_generated_token", run.floors.decode_bytes},
          {"int8_operations_per_prompt_token", run.floors.prompt_int8_operations},
          {"int16_operations_per_prompt_token", run.floors.prompt_int16_operations},
          {"float_operations_per_prompt_token", run.floors.prompt_float_operations}};
}

// With the values of one of the runs.
Json to_json_of(const Report& report, const Run& run) {
  Json json = {{"gguf", report.path},
               {"model", report.name},
               {"kernels", report.backend},
               {"threads", report.threads},
               {"sequences", run.plan.sequences},
               {"repeats", run.plan.repeats},
               {"load_average", report.load}};
  json.update(to_json(report, run));
  json.update(Json{{"read_bytes_per_second_by_threads", report.ceilings.read_bytes_per_s},
                   {"read_buffer_bytes", report.ceilings.buffer_bytes},
                   {"int8_operations_per_second", report.ceilings.int8_operations_per_s},
                   {"int16_operations_per_second", report.ceilings.int16_operations_per_s},
                   {"float_operations_per_second", report.ceilings.float_operations_per_s},
                   {"peak_memory_bytes", report.peak_bytes}});
  return json;
}

// With the first run's values, and in a list those of all.
Json to_json(const Report& report) {
  Json json = to_json_of(report, report.runs.front());
  for (const Run& run : report.runs) json["runs"].push_back(to_json(report, run));
  return json;
}

// As https://www.rfc-editor.org/rfc/rfc4180 has it: quotes within quotes are doubled.
std::string csv_field(const Json& value) {
  if (value.is_null()) return {};
  if (!value.is_string()) return value.dump();
  std::string field = "\"";
  for (const char c : value.get<std::string>()) field.append(c == '"' ? 2 : 1, c);
  return field + '"';
}

// A header, and for each run a line of the single values of its JSON object.
std::string to_csv(const Report& report) {
  std::string header, lines;
  for (const Run& run : report.runs) {
    std::string names, line;
    const Json json = to_json_of(report, run);
    for (const auto& [key, value] : json.items()) {
      if (value.is_array()) continue;
      const char* comma = line.empty() ? "" : ",";
      names += comma + key;
      line += comma + csv_field(value);
    }
    header = names;
    lines += line + "\n";
  }
  return header + "\n" + lines;
}

Status print(const Report& report, const Options& options) {
  if (options.csv) return write_output(to_csv(report));
  if (!options.json) return print_table(report);
  return write_output(indented_json_text(to_json(report)) + "\n");
}

Status run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s;
  Report report;
  const std::vector<BenchPlan> plans = plans_of(options);
  std::int64_t kv_tokens = 0;
  for (const BenchPlan& plan : plans) kv_tokens = std::max(kv_tokens, plan.kv_tokens());
  ModelOptions model_options = options.model;
  model_options.context = kv_tokens;
  const auto engine_options = model_options.engine_options(**file);
  if (!engine_options) return engine_options.error();
  if (auto memory = (*file)->plan(*engine_options); !memory) return memory.error();
  report.on_gpu = engine_options->backend == BackendKind::kCuda;
  if (report.on_gpu) {  // before the model takes the memory
    auto ceilings = gpu_ceilings();
    if (!ceilings) return ceilings.error();
    report.ceilings = std::move(*ceilings);
  }
  auto engine = load_engine(**file, *engine_options, kv_tokens);
  if (!engine) return engine.error();
  report.path = (*file)->file().path().string();
  report.name = shown_name(**file);
  report.backend = (*engine)->backend_name();
  report.threads = (*engine)->threads();
  report.load = load_average();
  const auto times = [&] {
    PercentLine line("measuring");
    const auto show = [&](std::int64_t done, std::int64_t total) { line.show(done, total); };
    return run_bench(**engine, plans, show);
  }();
  if (!times) return times.error();
  if (Status status = (*file)->check_unchanged(); !status) return status;
  report.peak_bytes = peak_memory_bytes();  // before another buffer is read
  if (!report.on_gpu) report.ceilings = measure::measure_ceilings(report.threads);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const BenchPlan& plan = plans[i];
    report.runs.push_back(
        {plan, bench_floors(**file, plan, engine_options->kv_type),
         rates((*times)[i].prompt_s, plan.prompt_tokens),
         rates((*times)[i].generation_s, plan.generated_tokens * plan.sequences)});
  }
  return print(report, options);
}

// Numbers with commas between them.
CLI::Option* add_list(CLI::App& app, const std::string& names, std::vector<std::int64_t>& values,
                      const std::string& text) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  return app.add_option(names, values, text + "; with commas: several")
      ->expected(1)
      ->allow_extra_args(false)
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->check(whole_number_between(0, kMost))
      ->default_str(fmt::format("{}", values.front()));
}

}  // namespace

void add_bench(CLI::App& parent, int& exit_status) {
  CLI::App* app =
      parent.add_subcommand("bench", "Measure speed, compared with what this machine can reach");
  auto options = std::make_shared<Options>();
  options->model.add_to(*app);
  add_list(*app, "-p,--prompt-tokens", options->prompt_tokens, "tokens of a prompt; 0: none");
  add_list(*app, "-n,--generated-tokens", options->generated_tokens, "tokens to generate; 0: none");
  add_list(*app, "-d,--depth", options->depths,
           "tokens that are in the context already, rounded up to a multiple of 32");
  app->add_option("-s,--sequences", options->sequences, "texts that are generated at the same time")
      ->check(whole_number_between(1, 1024))
      ->capture_default_str();
  app->add_option("-r,--repeats", options->repeats,
                  "runs of each measurement, of which the median counts")
      ->check(whole_number_between(1, 1000))
      ->capture_default_str();
  const auto json = app->add_flag("--json", options->json, "print one JSON object");
  app->add_flag("--csv", options->csv, "print comma-separated values")->excludes(json);
  app->footer(
      "Examples:\n"
      "  linnet bench --gguf model.gguf\n"
      "  linnet bench --gguf model.gguf -p 2048 -n 0 --threads 4\n"
      "  linnet bench --gguf model.gguf -p 512,4096 -d 0,8192 -s 8 --csv");
  app->callback([options, &exit_status] {
    if (plans_of(*options).empty()) {
      throw CLI::ValidationError("-p and -n are both 0: there is nothing to measure");
    }
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
