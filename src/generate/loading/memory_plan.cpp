#include "generate/loading/memory_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "architectures/architecture.hpp"
#include "backend/cuda/cuda.hpp"
#include "base/machine.hpp"
#include "base/units.hpp"
#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_batches.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

// Tokens of context for which layers leave room before they take a GPU's memory, if the model was
// trained for more and none was asked for.
constexpr std::int64_t kUsualContext = 8192;

// What the kernel, other programs and the workspace should keep.
constexpr std::int64_t kReserveBytes = 256 * kMiB;
// On a GPU: the driver, scratch memory and the workspace of larger batches.
constexpr std::int64_t kCudaReserveBytes = 2048 * kMiB;

Error does_not_fit(const gguf::File& file, std::int64_t need, std::int64_t have,
                   std::int64_t weights, std::int64_t context) {
  const std::string parts = context == 0
                                ? fmt::format("{} for the weights alone", weights / kMiB)
                                : fmt::format("{} for the weights, more for a context of {} tokens",
                                              weights / kMiB, context);
  return Error{
      fmt::format("{}: needs {} MiB of memory ({}, plus a reserve), but {} MiB are available; "
                  "--force loads it anyway",
                  file.path().string(), need / kMiB, parts, have / kMiB)};
}

// Bytes of a step that takes a text as a whole, for each of its tokens.
std::int64_t step_bytes_per_token(const ModelSpec& spec, KvType kv_type) {
  if (spec.causal) return 0;
  std::int64_t turned_columns = 0;  // of queries, which are copied
  for (const LayerSpec& layer : spec.layers) {
    if (kv_type != KvType::kQ4_0) break;
    const std::int64_t columns = std::int64_t{layer.attention.heads} * layer.attention.key_width;
    turned_columns = std::max(turned_columns, columns);
  }
  return row_bytes(spec) + turned_columns * std::int64_t{sizeof(float)};
}

class Planner {
 public:
  Planner(const gguf::File& file, const ModelSpec& spec, const EngineOptions& options,
          std::span<const gguf::Lora> adapters, const EncoderFiles& encoders,
          const ModelSpec* prediction)
      : file_(file),
        spec_(spec),
        options_(options),
        adapters_(adapters),
        encoders_(encoders),
        prediction_(prediction),
        step_bytes_per_token_(step_bytes_per_token(spec, options.kv_type)) {}

  Result<MemoryPlan> plan() {
    if (options_.backend == BackendKind::kCuda) {
      if (Status s = check_cuda_keeps(options_.kv_type); !s) return s.error();
    }
    for (const BackendKind backend : {options_.backend, BackendKind::kCpu}) {
      const auto available = available_bytes(backend);
      if (!available) return available.error();
      (backend == BackendKind::kCuda ? gpu_bytes_ : host_bytes_) = *available;
    }
    if (Status s = check_positions(); !s) return s.error();
    if (options_.speculate && !options_.draft_model.empty()) {
      if (Status s = open_draft(); !s) return s.error();
    }
    if (options_.backend == BackendKind::kCuda && !options_.gpu_layers) choose_gpu_layers();
    MemoryPlan plan = draw_up(options_);
    if (!options_.force) {
      if (Status s = fit(plan); !s) return s.error();
    }
    for (MemoryShare& share : plan.shares) {
      share.step_bytes = saturating_multiply(plan.context, step_bytes_per_token_);
    }
    return plan;
  }

 private:
  Status check_positions() const {
    const std::int64_t rows = spec_.position_rows;
    if (rows == 0 || options_.context <= rows) return {};
    return Error{fmt::format("{}: a context of {} was asked for, but the model knows {} positions",
                             file_.path().string(), options_.context, rows)};
  }

  Status open_draft() {
    auto file = gguf::File::open(options_.draft_model);
    if (!file) return file.error();
    const auto backend = make_reference_backend();
    WeightLoader loader(*file, *backend);
    auto spec = read_draft_spec(*file, loader);
    if (!spec) return spec.error();
    draft_.emplace(std::move(*file), std::move(*spec));
    return {};
  }

  std::int64_t wanted_context() const {
    const std::int64_t rows = spec_.position_rows;
    const std::int64_t wanted = options_.context > 0 ? options_.context : spec_.context_length;
    return rows > 0 ? std::min(wanted, rows) : wanted;
  }

  std::int64_t encoder_bytes() const {
    return saturating_add(encoders_.vision ? encoders_.vision->memory_bytes() : 0,
                          encoders_.hearing ? encoders_.hearing->memory_bytes() : 0);
  }

  MemoryShare share_of(const ModelPart& part) const {
    const std::int64_t rows = batch_limits(spec_, options_, encoders_.vision).rows;
    MemoryShare share{part,
                      saturating_add(weights_bytes(file_, spec_, part, prediction_),
                                     adapter_bytes(adapters_, spec_, part, rows)),
                      kv_bytes_per_token(spec_, options_.kv_type, part.layers)};
    if (part.layers.first == 0) {
      share.weights_bytes = saturating_add(share.weights_bytes, encoder_bytes());
    }
    if (part.layers.end == LayerRange().end) add_guessing(share);
    share.available_bytes = part.backend == BackendKind::kCuda ? gpu_bytes_ : host_bytes_;
    return share;
  }

  // The drafter is where the last layers are, with keys and values of its own.
  void add_guessing(MemoryShare& share) const {
    const BatchLimits limits = batch_limits(spec_, options_, encoders_.vision);
    if (prediction_) {
      share.kv_bytes_per_token += kv_bytes_per_token(*prediction_, options_.kv_type);
      share.guessing_bytes = draft_workspace_bytes(*prediction_, options_, limits);
    }
    if (!draft_) return;
    const auto& [file, spec] = *draft_;
    share.guessing_bytes =
        saturating_add(share.guessing_bytes, draft_workspace_bytes(spec, options_, limits));
    share.kv_bytes_per_token += kv_bytes_per_token(spec, options_.kv_type);
    share.weights_bytes =
        saturating_add(share.weights_bytes, weights_bytes(file, spec, {share.part.backend, {}}));
  }

  void add_states(std::vector<MemoryShare>& shares) const {
    const std::int64_t slots = choose_state_slots(spec_, shares);
    const BatchLimits limits = batch_limits(spec_, options_, encoders_.vision);
    for (MemoryShare& share : shares) {
      const LayerRange layers = share.part.layers;
      share.state_bytes = saturating_multiply(slots, linnet::state_bytes(spec_, layers));
      if (!options_.speculate) continue;
      share.state_bytes = saturating_add(share.state_bytes, trial_bytes(spec_, limits, layers));
    }
  }

  MemoryPlan draw_up(const EngineOptions& options) const {
    MemoryPlan plan;
    plan.trained_context = spec_.context_length;
    plan.context = wanted_context();
    for (const ModelPart& part : parts_of(spec_, options)) plan.shares.push_back(share_of(part));
    add_states(plan.shares);
    return plan;
  }

  // The longest context that a part holds.
  std::int64_t most_tokens(const MemoryShare& share) const {
    if (share.available_bytes == 0) return kUnlimited;
    if (!has_room_for_weights(share)) return 0;
    const std::int64_t left = share.available_bytes - reserve_bytes(share.part.backend);
    return (left - share.fixed_bytes()) /
           saturating_add(share.token_bytes(), step_bytes_per_token_);
  }

  Status fit(MemoryPlan& plan) const {
    std::int64_t most = kUnlimited;
    for (const MemoryShare& share : plan.shares) most = std::min(most, most_tokens(share));
    const std::int64_t fewest =
        options_.context > 0 ? plan.context : std::min<std::int64_t>(plan.context, kPageTokens);
    if (most < std::max<std::int64_t>(fewest, 1)) return refuse(plan);
    plan.context = std::min(plan.context, most);
    return {};
  }

  static bool has_room_for_weights(const MemoryShare& share) {
    return share.available_bytes == 0 ||
           share.fixed_bytes() < share.available_bytes - reserve_bytes(share.part.backend);
  }

  // Says need and have of the memories together; no context where not even the weights fit.
  Error refuse(const MemoryPlan& plan) const {
    const bool has_room = std::ranges::all_of(plan.shares, has_room_for_weights);
    const std::int64_t tokens = has_room ? plan.context : 0;
    std::int64_t need = 0, have = 0;
    for (const MemoryShare& share : plan.shares) {
      if (share.available_bytes == 0) continue;
      need = saturating_add(need,
                            saturating_add(share.bytes(tokens), reserve_bytes(share.part.backend)));
      need = saturating_add(need, saturating_multiply(tokens, step_bytes_per_token_));
      have = saturating_add(have, share.available_bytes);
    }
    return does_not_fit(file_, need, have, plan.weights_bytes(), tokens);
  }

  // The most layers that the GPU holds; the more there are on it, the more it has to hold. All,
  // where not even one fits, so that the error says what that takes.
  void choose_gpu_layers() {
    const std::int64_t context =
        options_.context > 0 ? options_.context : std::min(wanted_context(), kUsualContext);
    const int layers = static_cast<int>(spec_.layers.size());
    std::vector<int> borders;
    for (int first = 0; first < layers; ++first) {
      if (first == 0 || can_part(spec_, first)) borders.push_back(first);
    }
    const auto is_too_much = [&](int first) {
      EngineOptions options = options_;
      options.gpu_layers = layers - first;
      return most_tokens(draw_up(options).shares.back()) < context;
    };
    const auto border = std::ranges::partition_point(borders, is_too_much);
    options_.gpu_layers = border == borders.end() ? layers : layers - *border;
  }

  const gguf::File& file_;
  const ModelSpec& spec_;
  EngineOptions options_;
  std::span<const gguf::Lora> adapters_;
  const EncoderFiles encoders_;
  const ModelSpec* prediction_;
  const std::int64_t step_bytes_per_token_;
  std::optional<std::pair<gguf::File, ModelSpec>> draft_;
  std::int64_t host_bytes_ = 0, gpu_bytes_ = 0;
};

}  // namespace

std::int64_t MemoryPlan::weights_bytes() const {
  std::int64_t sum = 0;
  for (const MemoryShare& share : shares) sum = saturating_add(sum, share.weights_bytes);
  return sum;
}

std::int64_t MemoryPlan::kv_bytes() const {
  std::int64_t sum = 0;
  for (const MemoryShare& share : shares) {
    sum = saturating_add(sum, saturating_multiply(context, share.kv_bytes_per_token));
  }
  return sum;
}

std::int64_t MemoryPlan::total_bytes() const {
  std::int64_t sum = 0;
  for (const MemoryShare& share : shares) sum = saturating_add(sum, share.bytes(context));
  return sum;
}

std::int64_t MemoryPlan::tokens_in_half() const {
  std::int64_t most = kUnlimited;
  for (const MemoryShare& share : shares) {
    if (share.available_bytes == 0) continue;
    const std::int64_t left = share.available_bytes - share.bytes(0);
    most = std::min(most, left / 2 / share.token_bytes());
  }
  return most;
}

int MemoryPlan::gpu_layers(const ModelSpec& spec) const {
  const ModelPart& last = shares.back().part;
  if (last.backend != BackendKind::kCuda) return 0;
  return static_cast<int>(spec.layers.size()) - last.layers.first;
}

Result<MemoryPlan> plan_memory(const gguf::File& file, const ModelSpec& spec,
                               const EngineOptions& options, std::span<const gguf::Lora> adapters,
                               const EncoderFiles& encoders, const ModelSpec* prediction) {
  return Planner(file, spec, options, adapters, encoders, prediction).plan();
}

Result<std::int64_t> available_bytes(BackendKind backend) {
  if (backend != BackendKind::kCuda) return available_memory_bytes();
  const auto device = probe_cuda();
  if (!device) return device.error();
  return device->free_bytes;
}

std::int64_t reserve_bytes(BackendKind backend) {
  return backend == BackendKind::kCuda ? kCudaReserveBytes : kReserveBytes;
}

std::int64_t choose_state_slots(const ModelSpec& spec, std::span<const MemoryShare> shares) {
  constexpr std::int64_t kMost = 16;
  constexpr std::int64_t kFewest = 3;  // a sequence, its state before guesses, and a checkpoint
  constexpr std::int64_t kPart = 4;
  if (state_bytes(spec) == 0) return 0;
  std::int64_t slots = kMost;
  for (const MemoryShare& share : shares) {
    const std::int64_t bytes = state_bytes(spec, share.part.layers);
    if (bytes == 0 || share.available_bytes == 0) continue;
    const std::int64_t left =
        std::max<std::int64_t>(1, share.available_bytes - share.weights_bytes);
    slots = std::min(slots, std::clamp(left / kPart / bytes, kFewest, kMost));
  }
  return slots;
}

}  // namespace linnet
