#include "linnet/bench_run.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "generate/loading/part_bytes.hpp"

namespace linnet::app {
namespace {

using Clock = std::chrono::steady_clock;

struct Timed {
  double first_token_s = 0.0;  // of the last sequence, from the request
  double later_tokens_s = 0.0;
};

Result<Timed> time_requests(Engine& engine, std::vector<std::vector<TokenId>> prompts,
                            std::int64_t tokens) {
  const auto start = Clock::now();
  auto first = start;
  Status ended;
  for (std::vector<TokenId>& prompt : prompts) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = tokens;
    request.on_token = [&first, begun = false](TokenId) mutable {
      if (!std::exchange(begun, true)) first = Clock::now();
      return true;
    };
    request.on_finish = [&ended](const Result<FinishReason>& ending) {
      if (!ending) ended = ending.error();
    };
    if (Status status = engine.submit(std::move(request)); !status) return status.error();
  }
  while (!engine.idle()) {
    if (Status status = engine.step(); !status) return status.error();
  }
  if (!ended) return ended.error();
  const std::chrono::duration<double> until_first = first - start, later = Clock::now() - first;
  return Timed{until_first.count(), later.count()};
}

class Prompts {
 public:
  explicit Prompts(std::int64_t vocabulary) : vocabulary_(vocabulary) {}
  void set_depth(std::int64_t depth) {
    prefix_.clear();
    extend(prefix_, depth);
  }
  // For each sequence the tokens of the depth and `count` new ones.
  std::vector<std::vector<TokenId>> next(std::int64_t count, int sequences) {
    std::vector<std::vector<TokenId>> prompts(static_cast<std::size_t>(sequences), prefix_);
    for (std::vector<TokenId>& tokens : prompts) extend(tokens, count);
    return prompts;
  }

 private:
  void extend(std::vector<TokenId>& tokens, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      tokens.push_back(static_cast<TokenId>(random_() % static_cast<std::uint64_t>(vocabulary_)));
    }
  }

  std::int64_t vocabulary_;
  std::mt19937_64 random_{1};
  std::vector<TokenId> prefix_;
};

// Once; `times` may be null.
Status measure(Engine& engine, const BenchPlan& plan, Prompts& prompts, BenchTimes* times) {
  if (plan.prompt_tokens > 0) {
    const auto timed = time_requests(engine, prompts.next(plan.prompt_tokens, 1), 1);
    if (!timed) return timed.error();
    if (times) times->prompt_s.push_back(timed->first_token_s);
  }
  if (plan.generated_tokens > 0) {
    const auto timed =
        time_requests(engine, prompts.next(1, plan.sequences), plan.generated_tokens + 1);
    if (!timed) return timed.error();
    if (times) times->generation_s.push_back(timed->later_tokens_s);
  }
  return {};
}

// Those that weights of `type` count to.
double& operations_of(TensorType type, BenchFloors& floors) {
  if (type == TensorType::kF32) return floors.prompt_float_operations;
  return type == TensorType::kF16 || type == TensorType::kBF16 ? floors.prompt_int16_operations
                                                               : floors.prompt_int8_operations;
}

}  // namespace

std::int64_t BenchPlan::kv_tokens() const {
  const std::int64_t generated = sequences * (generated_tokens + 2 * kPageTokens);
  return depth + std::max(prompt_tokens + 2 * kPageTokens, generated);
}

Result<std::vector<BenchTimes>> run_bench(
    Engine& engine, std::span<const BenchPlan> plans,
    const std::function<void(std::int64_t, std::int64_t)>& progress) {
  Prompts prompts(engine.model().spec().vocabulary);  // of all plans: none begins like another
  std::int64_t done = 0, total = 0;
  for (const BenchPlan& plan : plans) total += plan.repeats + 1;
  std::vector<BenchTimes> all;
  for (const BenchPlan& plan : plans) {
    prompts.set_depth(plan.depth);
    BenchTimes& times = all.emplace_back();
    for (int repeat = -1; repeat < plan.repeats; ++repeat) {
      progress(done++, total);
      if (Status s = measure(engine, plan, prompts, repeat < 0 ? nullptr : &times); !s) {
        return s.error();
      }
    }
  }
  progress(total, total);
  return all;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

BenchFloors bench_floors(const ModelFile& file, const BenchPlan& plan, KvType kv_type) {
  BenchFloors floors;
  for (const gguf::Tensor& tensor : file.file().tensors()) {
    const double read = read_share(file.file(), file.spec(), tensor, plan.sequences);
    const double share = read_share(file.file(), file.spec(), tensor);
    floors.decode_bytes += read * static_cast<double>(tensor.bytes.size()) / plan.sequences;
    const bool is_head = tensor.name == "output.weight" || tensor.name == "token_embd.weight";
    if (is_head || tensor.dimensions < 2) continue;
    operations_of(tensor.format->type, floors) +=
        2.0 * share * static_cast<double>(tensor.elements());
  }
  for (const gguf::Lora& adapter : file.adapters()) {
    for (const auto& [tensor, pair] : adapter.pairs()) {
      const double elements =
          static_cast<double>(pair.elements()) * times_used(file.spec(), tensor);
      floors.decode_bytes += elements * sizeof(float) / plan.sequences;
      floors.prompt_float_operations += 2.0 * elements;
    }
  }
  const double keys =
      static_cast<double>(plan.depth) + static_cast<double>(plan.generated_tokens) / 2;
  floors.decode_bytes += keys * static_cast<double>(kv_bytes_per_token(file.spec(), kv_type));
  return floors;
}

}  // namespace linnet::app
