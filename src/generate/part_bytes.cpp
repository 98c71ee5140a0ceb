#include "generate/part_bytes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "backend/cpu/weight_bytes.hpp"
#include "base/checked.hpp"
#include "model/blocks/project.hpp"
#include "model/hyperparameters.hpp"

namespace linnet {
namespace {

// What load_head() loads begins so. (Norms are too small to count.)
constexpr std::array<std::string_view, 5> kBehindLayers = {
    "output.", "output_res_score", "output_hc_", "altup_unembd_proj", "dense_"};

constexpr std::string_view kTokens = "token_embd.weight";

// N of blk.N.*; -1: stands before the layers; the largest number: behind them.
int layer_of(std::string_view tensor) {
  constexpr std::string_view kPrefix = "blk.";
  if (tensor.starts_with(kPrefix)) {
    int layer = -1;
    std::from_chars(tensor.data() + kPrefix.size(), tensor.data() + tensor.size(), layer);
    return layer;
  }
  const bool is_behind = std::ranges::any_of(
      kBehindLayers, [&](std::string_view prefix) { return tensor.starts_with(prefix); });
  return is_behind ? std::numeric_limits<int>::max() : -1;
}

bool has_last_layer(const LayerRange& layers) {
  return layers.end == std::numeric_limits<int>::max();
}

// Bytes that a tensor takes where it is used.
std::int64_t bytes_in(BackendKind backend, const gguf::Tensor& tensor) {
  const std::int64_t columns = tensor.shape[0], all = tensor.elements();
  switch (backend) {
    case BackendKind::kCuda:
      return cuda_weight_bytes(*tensor.format, all);
    case BackendKind::kCpu:
      return cpu_weight_bytes(*tensor.format, columns, all / std::max<std::int64_t>(columns, 1));
    case BackendKind::kReference:
      break;
  }
  return std::ssize(tensor.bytes);
}

// How many of `layers` have the weights that the file calls blk.`block`.
int count_layers(const ModelSpec& spec, int block, const LayerRange& layers) {
  const int all = static_cast<int>(spec.layers.size());
  if (spec.cycles.stack == 0) return block < all && layers.holds(block) ? 1 : 0;
  const int end = std::min(layers.end, all);
  int count = 0;
  for (int i = layers.first; i < end; ++i) count += spec.cycles.block(i) == block ? 1 : 0;
  return count;
}

bool holds(const ModelSpec& spec, const ModelPart& part, std::string_view tensor) {
  const int layer = layer_of(tensor);
  if (layer < 0) return part.layers.first == 0;
  if (layer == std::numeric_limits<int>::max()) return has_last_layer(part.layers);
  return count_layers(spec, layer, part.layers) > 0;
}

// What a layer for multi-token prediction needs: its own tensors, and the table of tokens.
bool is_read_by(const ModelSpec& prediction, std::string_view tensor) {
  return layer_of(tensor) == prediction.first_block || tensor == kTokens;
}

}  // namespace

std::int64_t weights_bytes(const gguf::File& file, const ModelSpec& spec, const ModelPart& part,
                           const ModelSpec* prediction) {
  const bool is_tied = !spec.encoder && !file.find_tensor("output.weight");
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
  const int layer = layer_of(tensor);
  const bool is_beside = layer < 0 || layer == std::numeric_limits<int>::max();
  return is_beside ? 1 : count_layers(spec, layer, {});
}

std::int64_t adapter_bytes(std::span<const gguf::Lora> adapters, const ModelSpec& spec,
                           const ModelPart& part, std::int64_t rows) {
  constexpr std::int64_t kLanes = 16;  // a CPU packs so many outputs side by side
  const auto padded = [](std::int64_t outputs) { return (outputs + kLanes - 1) / kLanes * kLanes; };
  // A higher rank is an error where it is loaded.
  const std::int64_t rank = std::min(gguf::largest_rank(adapters), Hyperparameters::kWidest);
  std::int64_t floats = adapter_floats(rows, rank);
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
