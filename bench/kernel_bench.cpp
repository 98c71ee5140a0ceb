// The operations that take a model's time, on one thread of the CPU backend: matmuls of each tensor
// type for prompts (operations a second) and single tokens (bytes of the file a second), attention
// for both. Ceilings come first: hold the rates against those.
//
//     kernel_bench [--benchmark_filter=Q4_0|Attention]      (LINNET_CPU picks the instruction set)

#include <benchmark/benchmark.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "backend/kv_pages.hpp"
#include "measure/ceilings.hpp"

namespace linnet {
namespace {

using benchmark::Counter;

constexpr std::int64_t kColumns = 2048;

// A rate over the thread's processor time: what other programs do beside it does not count.
Counter rate(double each) { return {each, Counter::kIsIterationInvariantRate}; }

std::unique_ptr<Backend> one_thread() {
  const char* set = std::getenv("LINNET_CPU");
  return make_cpu_backend(1, set ? set : "");
}

std::vector<float> random_floats(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& value : values) value = normal(generator);
  return values;
}

std::unique_ptr<Matrix> random_weights(Backend& backend, const Format& format, std::int64_t rows) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(format.size_bytes(kColumns * rows)));
  std::mt19937 generator(1);
  // Bytes that keep scales of any kind finite.
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator() % 47);
  return std::move(*backend.upload({&format, bytes.data(), kColumns, rows}));
}

void multiply(benchmark::State& state, const Format& format, std::int64_t rows,
              std::int64_t outputs) {
  const auto backend = one_thread();
  const auto matrix = random_weights(*backend, format, outputs);
  std::vector<float> in = random_floats(rows * kColumns);
  std::vector<float> out(static_cast<std::size_t>(rows * outputs));
  const MatmulOutput output{matrix.get(), {out.data(), rows, outputs, outputs}};
  for (auto _ : state) backend->matmul({in.data(), rows, kColumns, kColumns}, {&output, 1});
  state.counters["op/s"] = rate(2.0 * static_cast<double>(rows * kColumns * outputs));
  state.counters["B/s"] = rate(static_cast<double>(format.size_bytes(kColumns * outputs)));
}

// One sequence, whose last `rows` tokens look back at the `depth` before them.
class Attention {
 public:
  Attention(Backend& backend, KvType type, std::int64_t rows, std::int64_t depth)
      : backend_(backend),
        rows_(rows),
        length_(static_cast<std::int32_t>(depth + rows)),
        pages_(pages_for(depth + rows)),
        queries_(random_floats(rows * kHeads * kWidth)),
        out_(queries_.size()),
        sequences_(static_cast<std::size_t>(length_), 0),
        positions_(static_cast<std::size_t>(length_)) {
    std::iota(pages_.begin(), pages_.end(), 0);
    std::iota(positions_.begin(), positions_.end(), 0);
    store_ = std::move(*backend.make_kv_store(
        {{{kKvHeads, kWidth, kWidth}}, type, static_cast<std::int64_t>(pages_.size())}));
    std::vector<float> keys = random_floats(length_ * kKvHeads * kWidth);
    const View all{keys.data(), length_, kKvHeads * kWidth, kKvHeads * kWidth};
    backend.store_kv(*store_, 0, all, all, layout(0));
    params_.heads = kHeads;
    params_.kv_heads = kKvHeads;
    params_.key_width = params_.value_width = kWidth;
    params_.scale = 0.125f;
  }

  void run() {
    const std::int64_t columns = kHeads * kWidth;
    backend_.attention(*store_, {queries_.data(), rows_, columns, columns}, params_,
                       layout(length_ - rows_), {out_.data(), rows_, columns, columns});
  }

  // Of products and sums: those of keys with queries and as many of weights with values.
  double operations() const {
    const double keys = static_cast<double>(rows_) * (length_ - 0.5 * static_cast<double>(rows_));
    return 4.0 * keys * kHeads * kWidth;
  }
  double bytes() const { return static_cast<double>(store_->size_bytes()); }

 private:
  static constexpr int kHeads = 32, kKvHeads = 4, kWidth = 64;

  BatchLayout layout(std::int64_t first) const {
    return {std::span(positions_).subspan(static_cast<std::size_t>(first)),
            std::span(sequences_).subspan(static_cast<std::size_t>(first)),
            {&table_, 1},
            {&length_, 1}};
  }

  Backend& backend_;
  std::int64_t rows_;
  std::int32_t length_;
  std::vector<std::int32_t> pages_;
  std::span<const std::int32_t> table_ = pages_;
  std::vector<float> queries_, out_;
  std::vector<std::int32_t> sequences_, positions_;
  std::unique_ptr<KvStore> store_;
  AttentionParams params_;
};

void attend(benchmark::State& state, KvType type, std::int64_t rows, std::int64_t depth) {
  const auto backend = one_thread();
  Attention attention(*backend, type, rows, depth);
  for (auto _ : state) attention.run();
  state.counters["op/s"] = rate(attention.operations());
  state.counters["B/s"] = rate(attention.bytes());
}

void register_all() {
  for (const Format& format : all_formats()) {
    if (format.type >= TensorType::kI8 && format.type <= TensorType::kF64) continue;  // side data
    const std::string name(format.name);
    // A matrix as large as those of a model for prompts; one far beyond the caches for tokens.
    benchmark::RegisterBenchmark((name + "/prompt").c_str(), multiply, format, 512, 2048);
    benchmark::RegisterBenchmark((name + "/token").c_str(), multiply, format, 1, 65536);
    benchmark::RegisterBenchmark((name + "/8 tokens").c_str(), multiply, format, 8, 65536);
  }
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0}) {
    const std::string name = "Attention/" + std::string(info_of(type).name);
    benchmark::RegisterBenchmark((name + "/prompt").c_str(), attend, type, 512, 0);
    benchmark::RegisterBenchmark((name + "/token").c_str(), attend, type, 1, 16384);
  }
}

bool check_instruction_set() {
  const char* set = std::getenv("LINNET_CPU");
  const auto known = cpu_instruction_sets();
  if (!set || std::ranges::find(known, set) != known.end()) return true;
  fmt::print(stderr, "LINNET_CPU: {} not in {{{}}}\n", set, fmt::join(known, ","));
  return false;
}

void add_ceilings() {
  const auto ceilings = measure::measure_ceilings(1);
  const auto giga = [](double rate) { return std::to_string(static_cast<int>(rate / 1e9)); };
  benchmark::AddCustomContext("int8 dot products, Gop/s", giga(ceilings.int8_operations_per_s));
  benchmark::AddCustomContext("int16 dot products, Gop/s", giga(ceilings.int16_operations_per_s));
  benchmark::AddCustomContext("float32, Gop/s", giga(ceilings.float_operations_per_s));
  benchmark::AddCustomContext("read, GB/s", giga(ceilings.read_bytes_per_s[0]));
}

}  // namespace
}  // namespace linnet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv) || !linnet::check_instruction_set())
    return 2;
  linnet::register_all();
  linnet::add_ceilings();
  benchmark::RunSpecifiedBenchmarks();
}
