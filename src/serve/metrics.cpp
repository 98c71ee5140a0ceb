#include "serve/metrics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace linnet::serve {
namespace {

const std::vector<double> kLatencyBounds_s = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.2,   0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

void print_head(std::string_view name, std::string_view type, std::string_view help,
                std::string& out) {
  out += fmt::format("# HELP linnet_{0} {2}\n# TYPE linnet_{0} {1}\n", name, type, help);
}

// What the process holds of the machine's memory; 0 where the system does not tell.
std::int64_t resident_bytes() {
  std::int64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Counters and gauges.
void print_numbers(const Metrics& metrics, std::string& out) {
  struct Row {
    std::string_view name, type, help;
    const std::atomic<std::int64_t>& value;
  };
  const std::array rows = {
      Row{"prompt_tokens_total", "counter", "Tokens of prompts.", metrics.prompt_tokens},
      Row{"cached_tokens_total", "counter", "Of these, found in the prefix cache.",
          metrics.cached_tokens},
      Row{"generated_tokens_total", "counter", "Tokens generated.", metrics.generated_tokens},
      Row{"steps_total", "counter", "Forward passes.", metrics.steps},
      Row{"guessed_tokens_total", "counter", "Tokens guessed by speculation.",
          metrics.guessed_tokens},
      Row{"accepted_tokens_total", "counter", "Of these, right.", metrics.accepted_tokens},
      Row{"cancelled_total", "counter", "Texts whose client left.", metrics.cancelled},
      Row{"preemptions_total", "counter", "Times a text gave its memory away.",
          metrics.preemptions},
      Row{"connections", "gauge", "Open connections.", metrics.connections},
      Row{"refused_connections_total", "counter", "Connections for which there was no place.",
          metrics.refused_connections},
      Row{"waiting", "gauge", "Texts that wait to begin.", metrics.waiting},
      Row{"running", "gauge", "Texts being generated.", metrics.running},
      Row{"prompt_rows_limit", "gauge", "Prompt tokens that a step takes beside running texts.",
          metrics.prompt_rows_limit},
      Row{"restored_tokens", "gauge", "Tokens of the prefix cache that came from --cache-dir.",
          metrics.restored_tokens},
      Row{"unsaved_texts_total", "counter", "Texts that --cache-dir had no room for.",
          metrics.unsaved_texts},
      Row{"kv_pages", "gauge", "Pages of the KV cache.", metrics.kv_pages},
      Row{"kv_free_pages", "gauge", "Pages that no text holds.", metrics.kv_free_pages},
  };
  for (const Row& row : rows) {
    print_head(row.name, row.type, row.help, out);
    out += fmt::format("linnet_{} {}\n", row.name, row.value.load());
  }
}

void print_latencies(const Metrics& metrics, std::string& out) {
  metrics.queue_time.print("queue_seconds", "From a request to its first step.", out);
  metrics.time_to_first_token.print("time_to_first_token_seconds",
                                    "From a request to its first token.", out);
  metrics.inter_token_latency.print("inter_token_seconds", "Between two tokens of a text.", out);
  metrics.step_time.print("step_seconds", "Of a forward pass with its sampling.", out);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds_s)
    : bounds_s_(std::move(bounds_s)), counts_(bounds_s_.size() + 1) {}

void Histogram::observe(double seconds) {
  const auto bound = std::lower_bound(bounds_s_.begin(), bounds_s_.end(), seconds);
  const std::lock_guard lock(mutex_);
  ++counts_[bound - bounds_s_.begin()];
  sum_s_ += seconds;
}

void Histogram::print(std::string_view name, std::string_view help, std::string& out) const {
  print_head(name, "histogram", help, out);
  const std::lock_guard lock(mutex_);
  std::int64_t count = 0;
  for (std::size_t i = 0; i < bounds_s_.size(); ++i) {
    count += counts_[i];
    out += fmt::format("linnet_{}_bucket{{le=\"{}\"}} {}\n", name, bounds_s_[i], count);
  }
  count += counts_.back();
  out += fmt::format(
      "linnet_{0}_bucket{{le=\"+Inf\"}} {1}\nlinnet_{0}_sum {2}\nlinnet_{0}_count "
      "{1}\n",
      name, count, sum_s_);
}

Metrics::Metrics()
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

std::string Metrics::print() const {
  std::string out;
  print_numbers(*this, out);
  print_head("process_resident_memory_bytes", "gauge", "Memory, the model's included.", out);
  out += fmt::format("linnet_process_resident_memory_bytes {}\n", resident_bytes());
  print_latencies(*this, out);
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
