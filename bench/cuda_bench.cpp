// What the CUDA backend's operations reach on a card, one by one, through the Backend interface:
//
//   cuda_bench            all rows; about two minutes
//   cuda_bench matmul     those whose name begins so
//   cuda_bench many       products of many rows by each way that there is, and experts
//
// Bytes are those of the weights (or keys and values) as they lie in GPU memory. The last column is
// the share of what the GPU reads, or multiplies in binary16, at most, whichever is the narrower;
// both are measured first.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <random>
#include <string_view>
#include <vector>

#include "backend/cuda/cuda.hpp"
#include "base/machine.hpp"

namespace linnet {
namespace {

class Bench {
 public:
  Bench(Backend& backend, const CudaCeilings& ceilings, std::string_view only)
      : backend_(backend), ceilings_(ceilings), only_(only) {}
  bool wants(std::string_view name) const { return name.starts_with(only_); }

  // Runs `operation` until a fifth of a second has passed; prints what a run takes.
  void run(const std::string& name, double bytes, double operations,
           const std::function<void()>& operation) {
    using Clock = std::chrono::steady_clock;
    operation();
    if (!fine()) return;
    double seconds = 0.0;
    for (int count = 1; count <= 1 << 14 && seconds < 0.2; count *= 2) {
      const auto start = Clock::now();
      for (int i = 0; i < count; ++i) operation();
      if (!fine()) return;
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
      each_s_ = seconds / count;
    }
    const double products = ceilings_.half_operations_per_s;
    const double least_s =
        std::max(bytes / ceilings_.read_bytes_per_s, products > 0.0 ? operations / products : 0.0);
    fmt::print("{:<44}{:>12.1f} us{:>10.0f} GB/s{:>10.1f} TFLOP/s{:>8.0f} %\n", name, each_s_ * 1e6,
               bytes / each_s_ * 1e-9, operations / each_s_ * 1e-12, 100.0 * least_s / each_s_);
    std::fflush(stdout);
  }

  Backend& backend() { return backend_; }
  bool fine() {
    const Status status = backend_.status();
    if (!status) fmt::print("{}\n", status.error().message);
    return status.ok();
  }

 private:
  Backend& backend_;
  CudaCeilings ceilings_;
  std::string_view only_;
  double each_s_ = 0.0;
};

std::vector<float> random_values(std::int64_t count) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

std::unique_ptr<Buffer> random_buffer(Backend& backend, std::int64_t count) {
  auto buffer = backend.allocate(count);
  if (!buffer) return fmt::print("{}\n", buffer.error().message), nullptr;
  // The same numbers again and again: making new ones would take longer than the measurement.
  const std::vector<float> values = random_values(std::min<std::int64_t>(count, 1 << 20));
  for (std::int64_t at = 0; at < count; at += std::ssize(values)) {
    const auto some = std::min<std::int64_t>(count - at, std::ssize(values));
    backend.upload({values.data(), static_cast<std::size_t>(some)}, (*buffer)->data() + at);
  }
  return std::move(*buffer);
}

// `rows` times the same few random rows.
std::unique_ptr<Matrix> random_matrix(Backend& backend, const Format& format, std::int64_t columns,
                                      std::int64_t rows, std::int64_t slices = 1) {
  constexpr std::int64_t kRows = 8;
  const auto few = static_cast<std::size_t>(format.size_bytes(columns) * kRows);
  std::vector<std::byte> bytes(few / kRows * static_cast<std::size_t>(rows * slices));
  if (format.quantize) {
    format.quantize(random_values(columns * kRows).data(), bytes.data(), columns * kRows);
  } else {
    for (std::size_t i = 0; i < few; ++i) bytes[i] = static_cast<std::byte>(i * 7 % 47);
  }
  for (std::size_t at = few; at < bytes.size(); at += few) {
    std::copy_n(bytes.begin(), std::min(few, bytes.size() - at),
                bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  auto matrix = backend.upload({&format, bytes.data(), columns, rows, slices});
  if (!matrix) return fmt::print("{}\n", matrix.error().message), nullptr;
  return std::move(*matrix);
}

void copies(Bench& bench) {
  if (!bench.wants("copy")) return;
  constexpr std::int64_t kColumns = 1 << 20, kRows = 1024;
  const auto from = random_buffer(bench.backend(), kColumns * kRows);
  const auto to = random_buffer(bench.backend(), kColumns * kRows);
  if (!from || !to) return;
  const View a{from->data(), kRows, kColumns, kColumns}, b{to->data(), kRows, kColumns, kColumns};
  bench.run("copy 4 GiB", 2.0 * 4 * kColumns * kRows, 0, [&] { bench.backend().copy(a, b); });
}

void matmuls(Bench& bench) {
  if (!bench.wants("matmul")) return;
  constexpr std::int64_t kColumns = 4096, kOutputs = 65536;  // more than the L2 cache holds
  const auto in = random_buffer(bench.backend(), 4096 * kColumns);
  const auto out = random_buffer(bench.backend(), 4096 * kOutputs);
  if (!in || !out) return;
  for (const char* name : {"Q4_K", "Q8_0", "BF16", "Q6_K", "Q4_0", "MXFP4", "IQ3_S", "Q2_K"}) {
    const auto matrix = random_matrix(bench.backend(), *find_format(name), kColumns, kOutputs);
    if (!matrix) return;
    for (const std::int64_t rows : {1, 2, 4, 8, 32, 128, 512, 2048}) {
      const MatmulOutput output{matrix.get(), {out->data(), rows, kOutputs, kOutputs}};
      bench.run(fmt::format("matmul {} [{} x {}], {} rows", name, kColumns, kOutputs, rows),
                static_cast<double>(matrix->size_bytes()), 2.0 * rows * kColumns * kOutputs, [&] {
                  bench.backend().matmul({in->data(), rows, kColumns, kColumns}, {&output, 1});
                });
    }
  }
}

// 30B-A3B: 128 experts of 768, 8 used.
void experts(Bench& bench, std::string_view path = "default") {
  if (!bench.wants("experts")) return;
  constexpr std::int64_t kColumns = 2048, kOutputs = 768, kExperts = 128;
  constexpr int kUsed = 8;
  const auto matrix =
      random_matrix(bench.backend(), *find_format("Q4_K"), kColumns, kOutputs, kExperts);
  const auto in = random_buffer(bench.backend(), 2048 * kColumns);
  const auto out = random_buffer(bench.backend(), 2048 * kUsed * kOutputs);
  const auto logits = random_buffer(bench.backend(), 2048 * kExperts);
  const auto ids = random_buffer(bench.backend(), 2048 * kUsed);
  const auto weights = random_buffer(bench.backend(), 2048 * kUsed);
  if (!matrix || !in || !out || !logits || !ids || !weights) return;
  RouteParams params;
  params.used = kUsed;
  for (const std::int64_t rows : {1, 8, 64, 512, 2048}) {
    const Routing routing{reinterpret_cast<std::int32_t*>(ids->data()), weights->data(), rows,
                          kUsed};
    bench.backend().route_experts({logits->data(), rows, kExperts, kExperts}, params, routing);
    const double used = std::min<double>(1.0, static_cast<double>(rows) * kUsed / kExperts);
    bench.run(fmt::format("experts Q4_K, {} rows, {}", rows, path),
              used * static_cast<double>(matrix->size_bytes()),
              2.0 * rows * kUsed * kColumns * kOutputs, [&] {
                bench.backend().expert_matmul({in->data(), rows, kColumns, kColumns}, *matrix,
                                              nullptr, nullptr, routing,
                                              {out->data(), rows * kUsed, kOutputs, kOutputs});
              });
  }
}

struct Path {
  const char* name;
  CudaOptions options;
};

// Prompts and batches by each of the ways that there are: which is the best from how many rows on?
// The first is the default.
void many_rows(Bench& bench, const CudaCeilings& ceilings) {
  if (!bench.wants("many")) return;
  CudaOptions warpgroups, tiles;
  warpgroups.library = tiles.library = tiles.wgmma = false;
  CudaOptions deterministic = warpgroups;
  deterministic.deterministic = true;
  constexpr std::int64_t kColumns = 4096, kOutputs = 14336, kMost = 4096;
  for (const Path& path : {Path{"default", {}}, Path{"wgmma", warpgroups},
                           Path{"wgmma, deterministic", deterministic}, Path{"mma.sync", tiles}}) {
    auto backend = make_cuda_backend(usable_threads(), path.options);
    if (!backend) return fmt::print("{}\n", backend.error().message);
    Bench own(**backend, ceilings, "");
    const auto in = random_buffer(**backend, kMost * kColumns);
    const auto out = random_buffer(**backend, kMost * kOutputs);
    if (!in || !out) return;
    for (const char* name : {"Q4_K", "Q8_0", "BF16"}) {
      const auto matrix = random_matrix(**backend, *find_format(name), kColumns, kOutputs);
      if (!matrix) return;
      for (const std::int64_t rows : {8, 32, 128, 256, 4096}) {
        const MatmulOutput output{matrix.get(), {out->data(), rows, kOutputs, kOutputs}};
        own.run(fmt::format("many {}, {} rows, {}", name, rows, path.name),
                static_cast<double>(matrix->size_bytes()), 2.0 * rows * kColumns * kOutputs, [&] {
                  (*backend)->matmul({in->data(), rows, kColumns, kColumns}, {&output, 1});
                });
      }
    }
    experts(own, path.name);
  }
}

// 8B: gate and up with their activation.
void gated_matmuls(Bench& bench) {
  if (!bench.wants("gated")) return;
  constexpr std::int64_t kColumns = 4096, kWidth = 14336;
  const auto in = random_buffer(bench.backend(), 4 * kColumns);
  const auto out = random_buffer(bench.backend(), 4 * 2 * kWidth);
  if (!in || !out) return;
  for (const char* name : {"Q4_K", "Q8_0", "BF16"}) {
    const auto gate = random_matrix(bench.backend(), *find_format(name), kColumns, kWidth);
    const auto up = random_matrix(bench.backend(), *find_format(name), kColumns, kWidth);
    if (!gate || !up) return;
    for (const std::int64_t rows : {1, 2, 4}) {
      const View both{out->data(), rows, 2 * kWidth, 2 * kWidth};
      bench.run(fmt::format("gated matmul {} [{} x 2 x {}], {} rows", name, kColumns, kWidth, rows),
                2.0 * static_cast<double>(gate->size_bytes()), 4.0 * rows * kColumns * kWidth, [&] {
                  bench.backend().gated_matmul(
                      {in->data(), rows, kColumns, kColumns}, {gate.get(), both.slice(0, kWidth)},
                      {up.get(), both.slice(kWidth, kWidth)}, Activation::kSilu);
                });
    }
  }
}

// What samplers need of rows of logits, with the copy to the host.
void picks(Bench& bench) {
  if (!bench.wants("picks")) return;
  constexpr std::int64_t kVocabulary = 128256;
  const auto logits = random_buffer(bench.backend(), 128 * kVocabulary);
  if (!logits) return;
  for (const std::int64_t rows : {1, 128}) {
    for (const std::int64_t most : {1, 40}) {
      std::vector<LogitQuery> queries;
      for (std::int64_t r = 0; r < rows; ++r) queries.push_back({.row = r, .most = most});
      std::vector<PickedLogits> picked(queries.size());
      bench.run(fmt::format("picks of {}, {} rows", most, rows), 4.0 * rows * kVocabulary, 0, [&] {
        bench.backend().pick_logits({logits->data(), rows, kVocabulary, kVocabulary}, queries,
                                    picked);
      });
    }
  }
}

struct Heads {
  const char* name;
  int heads, kv_heads, key_width, value_width;
  bool values_in_keys;
};
constexpr Heads kHeads8b{"attention", 32, 8, 128, 128, false};
constexpr Heads kLatents{"attention to latents,", 16, 1, 576, 512, true};  // DeepSeek V2 Lite

// `sequences` of `depth` tokens give `rows` rows each.
void attend(Bench& bench, const Heads& heads, std::int64_t sequences, std::int64_t depth,
            std::int64_t rows) {
  const std::int64_t pages = depth / kPageTokens, all = sequences * rows;
  const std::int64_t query_columns = std::int64_t{heads.heads} * heads.key_width;
  const std::int64_t out_columns = std::int64_t{heads.heads} * heads.value_width;
  auto store = bench.backend().make_kv_store(
      {{{heads.kv_heads, heads.key_width, heads.value_width}}, KvType::kF16, sequences * pages});
  const auto queries = random_buffer(bench.backend(), all * query_columns);
  const auto out = random_buffer(bench.backend(), all * out_columns);
  if (!store || !queries || !out) return;
  std::vector<std::int32_t> page_ids(static_cast<std::size_t>(sequences * pages)), positions,
      owners;
  std::iota(page_ids.begin(), page_ids.end(), 0);
  std::vector<std::span<const std::int32_t>> tables;
  for (std::int64_t s = 0; s < sequences; ++s) {
    tables.push_back(std::span<const std::int32_t>(page_ids).subspan(
        static_cast<std::size_t>(s * pages), static_cast<std::size_t>(pages)));
    for (std::int64_t r = 0; r < rows; ++r) {
      positions.push_back(static_cast<std::int32_t>(depth - rows + r));
      owners.push_back(static_cast<std::int32_t>(s));
    }
  }
  const std::vector<std::int32_t> lengths(static_cast<std::size_t>(sequences),
                                          static_cast<std::int32_t>(depth));
  AttentionParams params{0, heads.heads, heads.kv_heads, heads.key_width, heads.value_width};
  params.scale = 0.088f;
  params.values_in_keys = heads.values_in_keys;
  const double seen = static_cast<double>(depth) - static_cast<double>(rows) / 2;
  const View q{queries->data(), all, query_columns, query_columns};
  const View o{out->data(), all, out_columns, out_columns};
  const int read = heads.key_width + (heads.values_in_keys ? 0 : heads.value_width);
  bench.run(
      fmt::format("{} {} x {} rows at depth {}", heads.name, sequences, rows, depth),
      2.0 * static_cast<double>(sequences * depth) * heads.kv_heads * read,
      2.0 * static_cast<double>(all) * seen * (query_columns + out_columns), [&] {
        bench.backend().attention(**store, q, params, {positions, owners, tables, lengths}, o);
      });
}

void attentions(Bench& bench) {
  if (!bench.wants("attention")) return;
  for (const Heads& heads : {kHeads8b, kLatents}) {
    attend(bench, heads, 1, 512, 1);
    attend(bench, heads, 1, 4096, 1);
    attend(bench, heads, 1, 32768, 1);
    attend(bench, heads, 128, 1024, 1);
    attend(bench, heads, 1, 2048, 2048);
    attend(bench, heads, 1, 16384, 2048);
  }
}

// DeepSeek V3.2's attention: an indexer picks 2,048 latents of 65,536.
void pick_and_attend(Bench& bench, std::string_view path) {
  constexpr std::int64_t kDepth = 65536, kAtOnce = 2048, kRows = 256;
  constexpr int kHeads = 128, kKeys = 576, kValues = 512, kIndexHeads = 64, kIndexKeys = 128;
  constexpr int kMost = 2048;
  const auto store = bench.backend().make_kv_store(
      {{{1, kKeys, 0}, {1, kIndexKeys, 0}}, KvType::kF16, kDepth / kPageTokens});
  const auto queries = random_buffer(bench.backend(), kRows * kHeads * kKeys);
  const auto out = random_buffer(bench.backend(), kRows * kHeads * kValues);
  const auto index = random_buffer(bench.backend(), kRows * kIndexHeads * kIndexKeys);
  const auto weights = random_buffer(bench.backend(), kRows * kIndexHeads);
  const auto keys = random_buffer(bench.backend(), kDepth * kIndexKeys);
  if (!store || !queries || !out || !index || !weights || !keys) return;
  std::vector<std::int32_t> pages(kDepth / kPageTokens), positions(kDepth), owners(kDepth);
  std::iota(pages.begin(), pages.end(), 0);
  std::iota(positions.begin(), positions.end(), 0);
  const std::span<const std::int32_t> table(pages), all(positions), none(owners);
  const std::int32_t length = kDepth;
  for (std::int64_t first = 0; first < kDepth; first += kAtOnce) {
    const View part{keys->data() + first * kIndexKeys, kAtOnce, kIndexKeys, kIndexKeys};
    bench.backend().store_kv(
        **store, 1, part, part.slice(0, 0),
        {all.subspan(first, kAtOnce), none.first(kAtOnce), {&table, 1}, {&length, 1}});
  }
  AttentionParams params{0, kHeads, 1, kKeys, kValues};
  params.values_in_keys = params.selected = true;
  for (const std::int64_t rows : {std::int64_t{1}, kRows}) {
    const BatchLayout batch{all.last(rows), none.first(rows), {&table, 1}, {&length, 1}};
    const auto count = static_cast<double>(rows);
    const auto view = [&](const auto& of, std::int64_t columns) {
      return View{of->data(), rows, columns, columns};
    };
    bench.run(fmt::format("sparse: index, {} rows, {}", rows, path), 2.0 * kDepth * kIndexKeys,
              2.0 * count * kIndexHeads * kIndexKeys * kDepth, [&] {
                bench.backend().select_keys(**store, view(index, kIndexHeads * kIndexKeys),
                                            view(weights, kIndexHeads),
                                            {1, kIndexHeads, kIndexKeys, kMost}, batch);
              });
    bench.run(fmt::format("sparse: attention, {} rows, {}", rows, path),
              2.0 * count * kMost * kKeys, 2.0 * count * kMost * kHeads * (kKeys + kValues), [&] {
                bench.backend().attention(**store, view(queries, kHeads * kKeys), params, batch,
                                          view(out, kHeads * kValues));
              });
  }
}

void sparse(const Bench& bench, const CudaCeilings& ceilings) {
  if (!bench.wants("sparse")) return;
  CudaOptions masked;
  masked.sparse = false;
  for (const Path& path : {Path{"in tiles", {}}, Path{"as before", masked}}) {
    auto backend = make_cuda_backend(usable_threads(), path.options);
    if (!backend) return fmt::print("{}\n", backend.error().message);
    Bench own(**backend, ceilings, "");
    pick_and_attend(own, path.name);
  }
}

// Gated delta net of Qwen3-Next: 32 heads of 128 x 128, 16 of queries and keys.
void scans(Bench& bench, std::string_view path) {
  constexpr int kHeads = 32, kKeyHeads = 16, kWidth = 128;
  constexpr std::int64_t kKeys = kKeyHeads * kWidth, kValues = kHeads * kWidth, kRows = 2048;
  constexpr std::int64_t kColumns = 2 * kKeys + kValues + 2 * kHeads;
  const auto in = random_buffer(bench.backend(), kRows * kColumns);
  const auto out = random_buffer(bench.backend(), kRows * kValues);
  auto store = bench.backend().make_state_store({{kValues * kWidth}, 1});
  if (!in || !out || !store) return;
  const ScanParams params{ScanRule::kDelta,    {},     kHeads, kKeyHeads,
                          KeySharing::kBlocks, kWidth, kWidth};
  const std::int32_t slot = 0;
  for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{32}, std::int64_t{128}, kRows}) {
    const View x{in->data(), rows, kColumns, kColumns};
    const std::int64_t behind = 2 * kKeys + kValues;
    const ScanInput input{x.slice(0, kKeys), x.slice(kKeys, kKeys), x.slice(2 * kKeys, kValues),
                          x.slice(behind, kHeads), x.slice(behind + kHeads, kHeads)};
    std::vector<std::int32_t> positions(static_cast<std::size_t>(rows)), owners(positions.size());
    std::iota(positions.begin(), positions.end(), 0);
    const BatchLayout batch{positions, owners, {}, {}, {&slot, 1}};
    (*store)->clear_slot(0);
    bench.run(fmt::format("scan of a delta net, {} rows, {}", rows, path), 8.0 * kValues * kWidth,
              6.0 * rows * kValues * kWidth, [&] {
                bench.backend().scan(**store, input, params, batch,
                                     {out->data(), rows, kValues, kValues});
              });
  }
}

// From how many rows on do chunks pay?
void scans(const Bench& bench, const CudaCeilings& ceilings) {
  if (!bench.wants("scan")) return;
  CudaOptions scanned;
  scanned.chunks = false;
  for (const Path& path : {Path{"in chunks", {}}, Path{"token by token", scanned}}) {
    auto backend = make_cuda_backend(usable_threads(), path.options);
    if (!backend) return fmt::print("{}\n", backend.error().message);
    Bench own(**backend, ceilings, "");
    scans(own, path.name);
  }
}

void small_ones(Bench& bench) {
  if (!bench.wants("small")) return;
  constexpr std::int64_t kColumns = 4096;
  const auto x = random_buffer(bench.backend(), 2048 * kColumns);
  const auto weight = random_buffer(bench.backend(), kColumns);
  if (!x || !weight) return;
  for (const std::int64_t rows : {1, 2048}) {
    const View view{x->data(), rows, kColumns, kColumns};
    const double bytes = 8.0 * rows * kColumns;
    bench.run(fmt::format("small: norm, {} rows", rows), bytes, 0, [&] {
      bench.backend().norm(view, {NormKind::kRms, 1e-5f, weight->data()}, view);
    });
    bench.run(fmt::format("small: scale, {} rows", rows), bytes, 0,
              [&] { bench.backend().scale(view, 1.0f); });
  }
}

int run(std::string_view only) {
  const auto device = probe_cuda();
  if (!device) return fmt::print(stderr, "{}\n", device.error().message), 1;
  fmt::print("{}, {} MiB free\n", device->name, device->free_bytes >> 20);
  const auto ceilings = measure_cuda_ceilings();
  if (!ceilings) return fmt::print(stderr, "{}\n", ceilings.error().message), 1;
  fmt::print("reads {:.0f} GB/s, multiplies binary16 at {:.0f} TFLOP/s (0: no cuBLASLt)\n",
             ceilings->read_bytes_per_s * 1e-9, ceilings->half_operations_per_s * 1e-12);
  auto backend = make_cuda_backend(usable_threads());
  if (!backend) return fmt::print(stderr, "{}\n", backend.error().message), 1;
  Bench bench(**backend, *ceilings, only);
  copies(bench);
  small_ones(bench);
  attentions(bench);
  scans(bench, *ceilings);
  sparse(bench, *ceilings);
  experts(bench);
  gated_matmuls(bench);
  picks(bench);
  many_rows(bench, *ceilings);
  matmuls(bench);
  return bench.fine() ? 0 : 1;
}

}  // namespace
}  // namespace linnet

int main(int count, char** words) { return linnet::run(count > 1 ? words[1] : ""); }
