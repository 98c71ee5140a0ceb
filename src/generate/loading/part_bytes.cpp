#include "generate/loading/part_bytes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cuda/cuda.hpp"
#include "base/checked.hpp"
#include "gguf/tensor_names.hpp"
#include "model/blocks/project.hpp"
#include "model/head.hpp"
#include "model/hyperparameters.hpp"
#include "model/tensor_bytes.hpp"

namespace linnet {
namespace {

constexpr std::string_view kTokens = "token_embd.weight";

bool has_last_layer(const LayerRange& layers) {
  return layers.end == std::numeric_limits<int>::max();
}

// Bytes that a tensor takes where it is used.
std::int64_t bytes_in(BackendKind backend, const gguf::Tensor& tensor) {
  switch (backend) {
    case BackendKind::kCuda:
      return cuda_weight_bytes(*tensor.format, tensor.elements());
    case BackendKind::kCpu:
      return cpu_weight_bytes(tensor);
    case BackendKind::kReference:
      break;
  }
  return std::ssize(tensor.bytes);
}

// How many of `layers` have the weights that the file calls blk.`block`.
int count_layers(const ModelSpec& spec, int block, const LayerRange& layers) {
  block -= spec.first_block;
  if (block < 0) return 0;
  const int all = static_cast<int>(spec.layers.size());
  if (spec.cycles.stack == 0) return block < all && layers.holds(block) ? 1 : 0;
  const int end = std::min(layers.end, all);
  int count = 0;
  for (int i = layers.first; i < end; ++i) count += spec.cycles.block(i) == block ? 1 : 0;
  return count;
}

// Layers for multi-token prediction in a file of their own take these from the model.
bool is_shared_table(std::string_view tensor) {
  return tensor == kTokens || tensor == "output.weight";
}

bool holds(const ModelSpec& spec, const ModelPart& part, std::string_view tensor) {
  if (const auto layer = gguf::layer_of(tensor)) {
    return count_layers(spec, *layer, part.layers) > 0;
  }
  if (spec.prediction.kind == PredictionSpec::Kind::kJoined && is_shared_table(tensor))
    return false;
  return is_head_tensor(tensor) ? has_last_layer(part.layers) : part.layers.first == 0;
}

// What layers for multi-token prediction need: their own tensors, and the table of tokens.
bool is_read_by(const ModelSpec& prediction, std::string_view tensor) {
  const auto layer = gguf::layer_of(tensor);
  return layer ? count_layers(prediction, *layer, {}) > 0 : tensor == kTokens;
}

}  // namespace

std::int64_t weights_bytes(const gguf::File& file, const ModelSpec& spec, const ModelPart& part,
                           const ModelSpec* prediction) {
  const bool is_tied = !spec.encoder && !file.find_tensor("output.weight") &&
                       spec.prediction.kind != PredictionSpec::Kind::kJoined;
  std::int64_t all = 0;
  for (const gguf::Tensor& tensor : file.tensors()) {
    bool is_own = holds(spec, part, tensor.name);
    if (has_last_layer(part.layers)) {
      is_own |= is_tied && tensor.name == kTokens;
      is_own |= prediction && is_read_by(*prediction, tensor.name);
    }
    if (!is_own) continue;
    all += bytes_in(part.backend, tensor);
  }
  return all;
}

int times_used(const ModelSpec& spec, std::string_view tensor) {
  const auto layer = gguf::layer_of(tensor);
  return layer ? count_layers(spec, *layer, {}) : 1;
}

double expert_share(const ModelSpec& spec, std::string_view tensor, int tokens) {
  if (tensor.find("_exps.") == std::string_view::npos) return 1.0;
  for (const LayerSpec& layer : spec.layers) {
    const double used = layer.moe.route.used;
    if (layer.moe.experts > 0) return 1.0 - std::pow(1.0 - used / layer.moe.experts, tokens);
  }
  return 1.0;
}

double read_share(const gguf::File& file, const ModelSpec& spec, const gguf::Tensor& tensor,
                  int tokens) {
  if (tensor.name == kTokens) return file.find_tensor("output.weight") ? 0.0 : 1.0;
  if (tensor.name == "position_embd.weight" || tensor.name == "per_layer_token_embd.weight") {
    return 0.0;
  }
  return times_used(spec, tensor.name) * expert_share(spec, tensor.name, tokens);
}

std::int64_t adapter_bytes(std::span<const gguf::Lora> adapters, const ModelSpec& spec,
                           const ModelPart& part, std::int64_t rows) {
  constexpr std::int64_t kLanes = 16;  // a CPU packs this many outputs side by side
  const auto padded = [](std::int64_t outputs) { return (outputs + kLanes - 1) / kLanes * kLanes; };
  // A higher rank is an error if it is loaded.
  const std::int64_t rank = std::min(gguf::largest_rank(adapters), Hyperparameters::kWidest);
  std::int64_t floats = adapter_floats(rows, rank, std::ssize(adapters));
  for (const gguf::Lora& adapter : adapters) {
    for (const auto& [tensor, pair] : adapter.pairs()) {
      if (!holds(spec, part, tensor)) continue;
      floats = saturating_add(
          floats, saturating_add(saturating_multiply(padded(pair.rank()), pair.a->shape[0]),
                                 saturating_multiply(pair.rank(), padded(pair.b->shape[1]))));
    }
  }
  return saturating_multiply(floats, std::int64_t{sizeof(float)});
}

}  // namespace linnet
