#include "generate/model_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/machine.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

// What the kernel, other programs and the workspace should keep.
constexpr std::int64_t kReserveBytes = 256 * kMiB;
// On a GPU: the driver, scratch memory and the workspace of larger batches.
constexpr std::int64_t kCudaReserveBytes = 2048 * kMiB;

Error does_not_fit(const gguf::File& file, std::int64_t need, std::int64_t have) {
  return Error{
      fmt::format("{}: the model needs {} MiB of memory and {} MiB are available; --force loads it "
                  "all the same",
                  file.path().string(), need / kMiB, have / kMiB)};
}

}  // namespace

Result<std::unique_ptr<ModelFile>> ModelFile::open(const std::string& path,
                                                   std::string_view pre_tokenizer,
                                                   std::span<const Architecture> architectures) {
  auto file = gguf::File::open(path);
  if (!file) return file.error();
  std::unique_ptr<ModelFile> model(new ModelFile(std::move(*file)));
  const auto backend = make_reference_backend();
  WeightLoader loader(model->file_, *backend);
  auto spec = read_model_spec(model->file_, loader, architectures);
  if (!spec) return spec.error();
  if (loader.failed()) return loader.finish().error();
  model->spec_ = std::move(*spec);
  model->has_experts_ = std::ranges::any_of(
      model->spec_.layers, [](const LayerSpec& layer) { return layer.moe.experts > 0; });
  auto tokenizer = make_tokenizer(model->file_, pre_tokenizer);
  if (!tokenizer) return tokenizer.error();
  model->tokenizer_ = std::move(*tokenizer);
  return model;
}

Result<MemoryPlan> ModelFile::plan(const EngineOptions& options) const {
  MemoryPlan plan;
  const std::int64_t reserve_bytes =
      options.backend == BackendKind::kCuda ? kCudaReserveBytes : kReserveBytes;
  plan.weights_bytes = weights_bytes(file_, options.backend);
  plan.trained_context = spec_.context_length;
  plan.kv_bytes_per_token = kv_bytes_per_token(spec_, options.kv_type);
  const auto available = available_bytes(options.backend);
  if (!available) return available.error();
  plan.available_bytes = *available;
  const std::int64_t beside_weights =
      plan.available_bytes > 0
          ? std::max<std::int64_t>(1, plan.available_bytes - plan.weights_bytes)
          : 0;
  plan.state_bytes =
      saturating_multiply(choose_state_slots(spec_, beside_weights), state_bytes(spec_));
  const std::int64_t rows = spec_.position_rows;
  if (rows > 0 && options.context > rows) {
    return Error{fmt::format("{}: a context of {} was asked for, but the model knows {} positions",
                             file_.path().string(), options.context, rows)};
  }
  std::int64_t wanted = options.context > 0 ? options.context : spec_.context_length;
  if (rows > 0) wanted = std::min(wanted, rows);
  plan.context = wanted;
  if (plan.available_bytes == 0 || options.force) return plan;

  const std::int64_t fixed_bytes =
      saturating_add(plan.weights_bytes, saturating_add(plan.state_bytes, reserve_bytes));
  if (fixed_bytes >= plan.available_bytes) {
    return does_not_fit(file_, fixed_bytes, plan.available_bytes);
  }
  const std::int64_t most =
      (plan.available_bytes - fixed_bytes) / std::max<std::int64_t>(1, plan.kv_bytes_per_token);
  if (options.context > most || most < std::min<std::int64_t>(wanted, kPageTokens)) {
    return does_not_fit(file_, saturating_add(plan.total_bytes(), reserve_bytes),
                        plan.available_bytes);
  }
  plan.context = std::min(wanted, most);
  return plan;
}

Status ModelFile::check_lazy_weights() const {
  return has_experts_ ? file_.check_unchanged() : Status();
}

std::int64_t weights_bytes(const gguf::File& file, BackendKind backend) {
  std::int64_t all = 0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    all += backend == BackendKind::kCuda ? cuda_weight_bytes(*tensor.format, tensor.elements())
                                         : std::ssize(tensor.bytes);
  }
  return all;
}

Result<std::int64_t> available_bytes(BackendKind backend) {
  if (backend != BackendKind::kCuda) return available_memory_bytes();
  const auto device = probe_cuda();
  if (!device) return device.error();
  return device->free_bytes;
}

std::int64_t choose_state_slots(const ModelSpec& spec, std::int64_t available_bytes) {
  constexpr std::int64_t kMost = 16;
  constexpr std::int64_t kFewest = 3;  // a sequence, its state before guesses, and a checkpoint
  constexpr std::int64_t kPart = 4;
  const std::int64_t bytes = state_bytes(spec);
  if (bytes == 0) return 0;
  if (available_bytes == 0) return kMost;
  return std::clamp(available_bytes / kPart / bytes, kFewest, kMost);
}

Status check_makes_text(const ModelFile& file) {
  if (!file.spec().encoder) return {};
  return Error{fmt::format(
      "{}: {} models are encoders, which make no text; `linnet embed` and POST /v1/embeddings give "
      "the embeddings that they make",
      file.file().path().string(), file.spec().architecture)};
}

Status check_context(std::int64_t prompt_tokens, std::int64_t max_tokens, std::int64_t context) {
  if (prompt_tokens + max_tokens <= context) return {};
  return Error{fmt::format(
      "the prompt has {} tokens and {} are to be generated, together {}, but the context holds {}",
      prompt_tokens, max_tokens, prompt_tokens + max_tokens, context)};
}

}  // namespace linnet
