#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace linnet::serve {

/// How often a duration fell below each of some bounds. Safe to use from several threads.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds_s);

  void observe(double seconds);
  /// In Prometheus' text format, without its head. `labels` are those of all samples, as
  /// LABEL="..." with commas between them.
  void print(std::string_view name, std::string_view labels, std::string& out) const;

 private:
  std::vector<double> bounds_s_;
  mutable std::mutex mutex_;
  std::vector<std::int64_t> counts_;  // the last one is above all bounds
  double sum_s_ = 0.0;
};

/// What a model of the server has done so far and does now. Safe to use from several threads.
struct ModelMetrics {
  ModelMetrics();

  std::atomic<std::int64_t> prompt_tokens{0}, cached_tokens{0}, generated_tokens{0};
  std::atomic<std::int64_t> computed_prompt_tokens{0};
  std::atomic<std::int64_t> waiting{0}, running{0}, cancelled{0};
  std::atomic<std::int64_t> kv_pages{0}, kv_free_pages{0}, preemptions{0}, steps{0};
  std::atomic<std::int64_t> prompt_rows_limit{0}, restored_tokens{0}, unsaved_texts{0};
  std::atomic<std::int64_t> guessed_tokens{0}, accepted_tokens{0};
  std::atomic<std::int64_t> loaded{0}, loads{0};
  Histogram queue_time, time_to_first_token, inter_token_latency, step_time;
};

/// The metrics of a model and its name.
struct NamedMetrics {
  std::string_view model;
  const ModelMetrics* metrics = nullptr;
};

/// What the server has done so far and does now, whatever the model. Safe to use from several
/// threads.
class Metrics {
 public:
  std::atomic<std::int64_t> connections{0}, refused_connections{0};

  /// A reply was sent.
  void count_reply(std::string_view route, int status);
  /// An error was reported to a client.
  void count_error(std::string_view code);

  /// With those of the models, which have a label `model` if there are several.
  /// https://prometheus.io/docs/instrumenting/exposition_formats/
  std::string print(std::span<const NamedMetrics> models) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> replies_;
  std::map<std::string, std::int64_t> errors_;
};

}  // namespace linnet::serve
