#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "backend/kv_pages.hpp"
#include "base/machine.hpp"
#include "chat/json_text.hpp"
#include "linnet/bench_run.hpp"
#include "linnet/checks.hpp"
#include "linnet/console.hpp"
#include "linnet/load_engine.hpp"
#include "linnet/model_options.hpp"
#include "linnet/percent_line.hpp"
#include "linnet/subcommand.hpp"
#include "measure/ceilings.hpp"

namespace linnet::app {
namespace {

struct Options {
  ModelOptions model;
  BenchPlan plan;
  bool json = false;
  bool csv = false;
};

// Tokens per second of the repeats; `middle` is the median.
struct Rates {
  double middle = 0.0, worst = 0.0, best = 0.0;
};

// What is printed, in every form.
struct Report {
  std::string path, name, backend;
  bool on_gpu = false;
  int threads = 0;
  BenchPlan plan;
  measure::Ceilings ceilings;
  BenchFloors floors;
  Rates prompt, generation;
  double load = 0.0;            // the machine's load average over a minute, before the runs
  std::int64_t peak_bytes = 0;  // of the runs

  // Shares of what the ceilings allow; 0 where that is unknown.
  double prompt_share() const { return prompt.middle * operations_s(); }
  // What bounds a token: the bytes that it reads, or of many sequences the arithmetic.
  double generation_share() const {
    const double bandwidth = ceilings.best_read_bytes_per_s();
    const double read_s = bandwidth > 0.0 ? floors.decode_bytes / bandwidth : 0.0;
    return generation.middle * (plan.sequences > 1 ? std::max(read_s, operations_s()) : read_s);
  }
  double operations_s() const {  // of a token
    if (ceilings.int8_operations_per_s == 0.0) return 0.0;
    return floors.prompt_int8_operations / ceilings.int8_operations_per_s +
           floors.prompt_float_operations / ceilings.float_operations_per_s;
  }
};

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
             " GB/s with 1 to {} threads ({} MiB), int8 dot products {:.0f} GOP/s, float32 {:.0f} "
             "GFLOP/s",
             report.threads, ceilings.buffer_bytes >> 20, ceilings.int8_operations_per_s / 1e9,
             ceilings.float_operations_per_s / 1e9);
}

Status print_table(const Report& report) {
  std::string text = fmt::format(
      "{}\n{} kernels, {} threads, load of the machine {:.1f}\n{}\n\n"
      "{:<16}{:>8}{:>8}{:>14}{:>12}{:>12}{:>16}\n",
      report.name, report.backend, report.threads, report.load, ceilings_line(report), "", "tokens",
      "depth", "tokens/s", "worst", "best", "of the ceiling");
  const auto line = [&](std::string_view what, std::int64_t tokens, const Rates& rates,
                        double share) {
    if (tokens == 0) return;
    text += fmt::format("{:<16}{:>8}{:>8}{:>14.2f}{:>12.2f}{:>12.2f}{:>14.0f} %\n", what, tokens,
                        report.plan.depth, rates.middle, rates.worst, rates.best, 100.0 * share);
  };
  line("prompt", report.plan.prompt_tokens, report.prompt, report.prompt_share());
  const int sequences = report.plan.sequences;
  line(sequences > 1 ? fmt::format("generation x{}", sequences) : "generation",
       report.plan.generated_tokens, report.generation, report.generation_share());
  return write_output(text);
}

nlohmann::ordered_json to_json(const Report& report) {
  return {{"gguf", report.path},
          {"model", report.name},
          {"kernels", report.backend},
          {"threads", report.threads},
          {"prompt_tokens", report.plan.prompt_tokens},
          {"generated_tokens", report.plan.generated_tokens},
          {"depth", report.plan.depth},
          {"sequences", report.plan.sequences},
          {"repeats", report.plan.repeats},
          {"load_average", report.load},
          {"prompt_tokens_per_second", report.prompt.middle},
          {"prompt_tokens_per_second_worst", report.prompt.worst},
          {"prompt_tokens_per_second_best", report.prompt.best},
          {"prompt_share_of_ceiling", report.prompt_share()},
          {"generation_tokens_per_second", report.generation.middle},
          {"generation_tokens_per_second_worst", report.generation.worst},
          {"generation_tokens_per_second_best", report.generation.best},
          {"generation_share_of_ceiling", report.generation_share()},
          {"bytes_read_per_generated_token", report.floors.decode_bytes},
          {"int8_operations_per_prompt_token", report.floors.prompt_int8_operations},
          {"float_operations_per_prompt_token", report.floors.prompt_float_operations},
          {"read_bytes_per_second_by_threads", report.ceilings.read_bytes_per_s},
          {"read_buffer_bytes", report.ceilings.buffer_bytes},
          {"int8_operations_per_second", report.ceilings.int8_operations_per_s},
          {"float_operations_per_second", report.ceilings.float_operations_per_s},
          {"peak_memory_bytes", report.peak_bytes}};
}

// As https://www.rfc-editor.org/rfc/rfc4180 has it: quotes within quotes are doubled.
std::string csv_field(const nlohmann::ordered_json& value) {
  if (!value.is_string()) return value.dump();
  std::string field = "\"";
  for (const char c : value.get<std::string>()) field.append(c == '"' ? 2 : 1, c);
  return field + '"';
}

// A header and a line, of the single values of the JSON object.
std::string to_csv(const nlohmann::ordered_json& json) {
  std::string header, line;
  for (const auto& [key, value] : json.items()) {
    if (value.is_array()) continue;
    const char* comma = header.empty() ? "" : ",";
    header += comma + key;
    line += comma + csv_field(value);
  }
  return header + "\n" + line + "\n";
}

Status print(const Report& report, const Options& options) {
  if (options.csv) return write_output(to_csv(to_json(report)));
  if (!options.json) return print_table(report);
  return write_output(indented_json_text(to_json(report)) + "\n");
}

Status run(const Options& options) {
  auto file = open_model(options.model);
  if (!file) return file.error();
  if (Status s = check_makes_text(**file); !s) return s;
  Report report;
  report.plan = options.plan;
  report.plan.depth = pages_for(report.plan.depth) * kPageTokens;
  ModelOptions model_options = options.model;
  model_options.context = report.plan.kv_tokens();
  const EngineOptions engine_options = model_options.engine_options(**file);
  if (auto memory = (*file)->plan(engine_options); !memory) return memory.error();
  report.on_gpu = engine_options.backend == BackendKind::kCuda;
  if (report.on_gpu) {  // before the model takes the memory
    auto ceilings = gpu_ceilings();
    if (!ceilings) return ceilings.error();
    report.ceilings = std::move(*ceilings);
  }
  auto engine = load_engine(**file, engine_options, report.plan.kv_tokens());
  if (!engine) return engine.error();
  report.path = (*file)->file().path().string();
  report.name = shown_name(**file);
  report.backend = (*engine)->backend_name();
  report.threads = (*engine)->threads();
  report.load = load_average();
  auto times = [&] {
    PercentLine line("measuring");
    const auto show = [&](std::int64_t done, std::int64_t total) { line.show(done, total); };
    return run_bench(**engine, report.plan, show);
  }();
  if (!times) return times.error();
  if (Status status = (*file)->check_unchanged(); !status) return status;
  report.peak_bytes = peak_memory_bytes();  // before another buffer is read
  if (!report.on_gpu) report.ceilings = measure::measure_ceilings(report.threads);
  report.floors = bench_floors(**file, report.plan, engine_options.kv_type);
  report.prompt = rates(times->prompt_s, report.plan.prompt_tokens);
  report.generation =
      rates(times->generation_s, report.plan.generated_tokens * report.plan.sequences);
  return print(report, options);
}

}  // namespace

void add_bench(CLI::App& parent, int& exit_status) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  CLI::App* app =
      parent.add_subcommand("bench", "Measure speed, compared with what this machine can reach");
  auto options = std::make_shared<Options>();
  BenchPlan& plan = options->plan;
  options->model.add_to(*app);
  app->add_option("-p,--prompt-tokens", plan.prompt_tokens, "tokens of a prompt; 0: none")
      ->check(whole_number_between(0, kMost))
      ->capture_default_str();
  app->add_option("-n,--generated-tokens", plan.generated_tokens, "tokens to generate; 0: none")
      ->check(whole_number_between(0, kMost))
      ->capture_default_str();
  app->add_option("-d,--depth", plan.depth,
                  "tokens that are in the context already, rounded up to a multiple of 32")
      ->check(whole_number_between(0, kMost))
      ->capture_default_str();
  app->add_option("-s,--sequences", plan.sequences, "texts that are generated at the same time")
      ->check(whole_number_between(1, 1024))
      ->capture_default_str();
  app->add_option("-r,--repeats", plan.repeats,
                  "runs of each measurement, of which the median counts")
      ->check(whole_number_between(1, 1000))
      ->capture_default_str();
  const auto json = app->add_flag("--json", options->json, "print one JSON object");
  app->add_flag("--csv", options->csv, "print comma-separated values")->excludes(json);
  app->footer(
      "Examples:\n"
      "  linnet bench --gguf model.gguf\n"
      "  linnet bench --gguf model.gguf -p 2048 -n 0 --threads 4\n"
      "  linnet bench --gguf model.gguf -d 4096 -s 8 --csv");
  app->callback([options, &exit_status] {
    if (options->plan.prompt_tokens + options->plan.generated_tokens == 0) {
      throw CLI::ValidationError("-p and -n are both 0: there is nothing to measure");
    }
    exit_status = report(run(*options));
  });
}

}  // namespace linnet::app
