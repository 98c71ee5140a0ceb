#include "serve/metrics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace linnet::serve {
namespace {

constexpr std::array kLatencyBounds_s = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                         0.2,   0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

// Before the names of our numbers, and of those that llama.cpp's server has, too.
constexpr std::string_view kOurs = "linnet_", kLlamas = "llamacpp:";

void print_head(std::string_view name, std::string_view type, std::string_view help,
                std::string& out, std::string_view whose = kOurs) {
  out += fmt::format("# HELP {3}{0} {2}\n# TYPE {3}{0} {1}\n", name, type, help, whose);
}

// What the process holds of the machine's memory; 0 if the system does not tell.
std::int64_t resident_bytes() {
  std::int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// As the value of a label.
std::string escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return escaped;
}

// Samples of a model.
struct Labelled {
  std::string labels;  // empty: there is no other model
  const ModelMetrics& metrics;
};

std::vector<Labelled> labelled(std::span<const NamedMetrics> models) {
  std::vector<Labelled> all;
  for (const NamedMetrics& model : models) {
    all.push_back({models.size() > 1 ? fmt::format("model=\"{}\"", escaped(model.model)) : "",
                   *model.metrics});
  }
  return all;
}

std::string in_braces(std::string_view labels) {
  return labels.empty() ? "" : fmt::format("{{{}}}", labels);
}

void print_server_numbers(const Metrics& metrics, std::string& out) {
  print_head("connections", "gauge", "Open connections.", out);
  out += fmt::format("linnet_connections {}\n", metrics.connections.load());
  print_head("refused_connections_total", "counter", "Connections for which there was no place.",
             out);
  out += fmt::format("linnet_refused_connections_total {}\n", metrics.refused_connections.load());
  print_head("process_resident_memory_bytes", "gauge", "Memory, with that of models.", out);
  out += fmt::format("linnet_process_resident_memory_bytes {}\n", resident_bytes());
}

// Counters and gauges of models.
struct Number {
  std::string_view name, type, help;
  std::atomic<std::int64_t> ModelMetrics::*value;
};
constexpr std::array kNumbers = {
    Number{"prompt_tokens_total", "counter", "Tokens of prompts.", &ModelMetrics::prompt_tokens},
    Number{"cached_tokens_total", "counter", "Of these, found in the prefix cache.",
           &ModelMetrics::cached_tokens},
    Number{"computed_prompt_tokens_total", "counter", "Tokens of prompts that were computed.",
           &ModelMetrics::computed_prompt_tokens},
    Number{"generated_tokens_total", "counter", "Tokens generated.",
           &ModelMetrics::generated_tokens},
    Number{"steps_total", "counter", "Forward passes.", &ModelMetrics::steps},
    Number{"guessed_tokens_total", "counter", "Tokens guessed by speculation.",
           &ModelMetrics::guessed_tokens},
    Number{"accepted_tokens_total", "counter", "Of these, right.", &ModelMetrics::accepted_tokens},
    Number{"cancelled_total", "counter", "Texts whose client left.", &ModelMetrics::cancelled},
    Number{"preemptions_total", "counter", "Times a text gave its memory away.",
           &ModelMetrics::preemptions},
    Number{"waiting", "gauge", "Texts that wait to begin.", &ModelMetrics::waiting},
    Number{"running", "gauge", "Texts being generated.", &ModelMetrics::running},
    Number{"prompt_rows_limit", "gauge", "Prompt tokens that a step takes beside running texts.",
           &ModelMetrics::prompt_rows_limit},
    Number{"restored_tokens", "gauge", "Tokens of the prefix cache that came from --cache-dir.",
           &ModelMetrics::restored_tokens},
    Number{"unsaved_texts_total", "counter", "Texts that --cache-dir had no room for.",
           &ModelMetrics::unsaved_texts},
    Number{"kv_pages", "gauge", "Pages of the KV cache.", &ModelMetrics::kv_pages},
    Number{"kv_free_pages", "gauge", "Pages that no text holds.", &ModelMetrics::kv_free_pages},
    Number{"loaded", "gauge", "Whether the model is in memory.", &ModelMetrics::loaded},
    Number{"loads_total", "counter", "Times the model came into memory.", &ModelMetrics::loads},
};

// The same by the names of llama.cpp's server, for what watches that one; those of its numbers that
// we have: https://github.com/ggml-org/llama.cpp/tree/master/tools/server
constexpr std::array kLlamaNumbers = {
    Number{"prompt_tokens_total", "counter", "Tokens of prompts that were computed.",
           &ModelMetrics::computed_prompt_tokens},
    Number{"tokens_predicted_total", "counter", "Tokens generated.",
           &ModelMetrics::generated_tokens},
    Number{"n_decode_total", "counter", "Forward passes.", &ModelMetrics::steps},
    Number{"requests_processing", "gauge", "Texts being generated.", &ModelMetrics::running},
    Number{"requests_deferred", "gauge", "Texts that wait to begin.", &ModelMetrics::waiting},
    Number{"spec_decode_num_draft_tokens_total", "counter", "Tokens guessed by speculation.",
           &ModelMetrics::guessed_tokens},
    Number{"spec_decode_num_accepted_tokens_total", "counter", "Of these, right.",
           &ModelMetrics::accepted_tokens},
};

void print_numbers(std::span<const Number> numbers, std::string_view whose,
                   const std::vector<Labelled>& models, std::string& out) {
  for (const Number& number : numbers) {
    print_head(number.name, number.type, number.help, out, whose);
    for (const Labelled& model : models) {
      out += fmt::format("{}{}{} {}\n", whose, number.name, in_braces(model.labels),
                         (model.metrics.*number.value).load());
    }
  }
}

struct Latency {
  std::string_view name, help;
  Histogram ModelMetrics::*value;
};
constexpr std::array kLatencies = {
    Latency{"queue_seconds", "From a request to its first step.", &ModelMetrics::queue_time},
    Latency{"time_to_first_token_seconds", "From a request to its first token.",
            &ModelMetrics::time_to_first_token},
    Latency{"inter_token_seconds", "Between two tokens of a text.",
            &ModelMetrics::inter_token_latency},
    Latency{"step_seconds", "Of a forward pass with its sampling.", &ModelMetrics::step_time},
};

void print_latencies(const std::vector<Labelled>& models, std::string& out) {
  for (const Latency& latency : kLatencies) {
    print_head(latency.name, "histogram", latency.help, out);
    for (const Labelled& model : models) {
      (model.metrics.*latency.value).print(latency.name, model.labels, out);
    }
  }
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds_s)
    : bounds_s_(bounds_s.begin(), bounds_s.end()), counts_(bounds_s_.size() + 1) {}

void Histogram::observe(double seconds) {
  const auto bound = std::lower_bound(bounds_s_.begin(), bounds_s_.end(), seconds);
  const std::lock_guard lock(mutex_);
  ++counts_[bound - bounds_s_.begin()];
  sum_s_ += seconds;
}

void Histogram::print(std::string_view name, std::string_view labels, std::string& out) const {
  const std::string first = labels.empty() ? "" : std::string(labels) + ",",
                    all = in_braces(labels);
  const std::lock_guard lock(mutex_);
  std::int64_t count = 0;
  for (std::size_t i = 0; i < bounds_s_.size(); ++i) {
    count += counts_[i];
    out += fmt::format("linnet_{}_bucket{{{}le=\"{}\"}} {}\n", name, first, bounds_s_[i], count);
  }
  count += counts_.back();
  out += fmt::format(
      "linnet_{0}_bucket{{{1}le=\"+Inf\"}} {3}\nlinnet_{0}_sum{2} {4}\nlinnet_{0}_count{2} {3}\n",
      name, first, all, count, sum_s_);
}

ModelMetrics::ModelMetrics()
    : queue_time(kLatencyBounds_s),
      time_to_first_token(kLatencyBounds_s),
      inter_token_latency(kLatencyBounds_s),
      step_time(kLatencyBounds_s) {}

void Metrics::count_reply(std::string_view route, int status) {
  const std::lock_guard lock(mutex_);
  ++replies_[{std::string(route), status}];
}

void Metrics::count_error(std::string_view code) {
  const std::lock_guard lock(mutex_);
  ++errors_[std::string(code)];
}

std::string Metrics::print(std::span<const NamedMetrics> models) const {
  const std::vector<Labelled> all = labelled(models);
  std::string out;
  print_numbers(kNumbers, kOurs, all, out);
  print_numbers(kLlamaNumbers, kLlamas, all, out);
  print_server_numbers(*this, out);
  print_latencies(all, out);
  const std::lock_guard lock(mutex_);
  print_head("replies_total", "counter", "Replies by route and status.", out);
  for (const auto& [key, count] : replies_) {
    out += fmt::format("linnet_replies_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first,
                       key.second, count);
  }
  print_head("errors_total", "counter", "Errors told to clients, by code.", out);
  for (const auto& [code, count] : errors_) {
    out += fmt::format("linnet_errors_total{{code=\"{}\"}} {}\n", code, count);
  }
  return out;
}

}  // namespace linnet::serve
