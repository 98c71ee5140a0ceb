#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "generate/engine.hpp"

namespace linnet::app {

/// What `linnet bench` measures together.
struct BenchPlan {
  std::int64_t prompt_tokens = 512;
  std::int64_t generated_tokens = 128;
  std::int64_t depth = 0;  ///< tokens that are in the context already, whole pages
  int sequences = 1;       ///< that generate together
  int repeats = 3;

  /// Tokens of KV cache that this takes.
  std::int64_t kv_tokens() const;
};

/// Seconds of each repeat; empty if nothing was asked for.
struct BenchTimes {
  std::vector<double> prompt_s;
  std::vector<double> generation_s;
};

/// Evaluates random tokens at the depth of each plan: each repeat its own, which no cache holds,
/// and once more beforehand, which does not count. A repeat is a prompt, then a generation, so that
/// a disturbance of the machine falls on both. `progress` is told the repeats that are done, and
/// all.
Result<std::vector<BenchTimes>> run_bench(
    Engine& engine, std::span<const BenchPlan> plans,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress);

/// The middle one (the mean of the two in the middle); 0 of none.
double median(std::vector<double> values);

/// The least work that a model needs, whatever the program.
struct BenchFloors {
  double decode_bytes = 0;  ///< read for a token: its share of the weights, keys and values
  double prompt_int8_operations = 0;   ///< for a token, by quantised weights
  double prompt_int16_operations = 0;  ///< by weights in F16 or BF16
  double prompt_float_operations = 0;  ///< by weights in F32
};

/// Weights that a token does not use are not counted: of embeddings all but a row, of experts all
/// but those used (of several sequences those that random choices would use); of prompts the output
/// head. Attention's own arithmetic is left out.
BenchFloors bench_floors(const ModelFile& file, const BenchPlan& plan, KvType kv_type);

}  // namespace linnet::app
