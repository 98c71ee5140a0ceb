#include "generate/loading/engine_options.hpp"

#include <algorithm>

#include "vision/vision_sizes.hpp"

namespace linnet {
namespace {

// Rows, and sequences with logits, that a GPU takes at once where a CPU's default would leave it
// idle.
constexpr BatchLimits kCudaLimits{2048, 256};

// Rows of a picture that must come whole.
std::int64_t rows_at_once(const VisionSpec& spec) {
  const std::int64_t merged = std::int64_t{spec.merge_side} * spec.merge_side;
  return spec.see_each_other == SeeEachOther::kNo ? 0 : most_patches(spec) / merged;
}

}  // namespace

std::vector<ModelPart> parts_of(const ModelSpec& spec, const EngineOptions& options) {
  const int layers = static_cast<int>(spec.layers.size());
  if (options.backend != BackendKind::kCuda || options.gpu_layers.value_or(layers) >= layers) {
    return {{options.backend, {}}};
  }
  int first = layers - *options.gpu_layers;
  while (first < layers && !can_part(spec, first)) ++first;
  if (first == layers) return {{BackendKind::kCpu, {}}};
  return {{BackendKind::kCpu, {0, first}}, {BackendKind::kCuda, {first}}};
}

BatchLimits batch_limits(const ModelSpec& spec, const EngineOptions& options,
                         const VisionFile* vision) {
  BatchLimits limits = options.limits;
  if (parts_of(spec, options).front().backend == BackendKind::kCuda) {
    limits.rows = std::max(limits.rows, kCudaLimits.rows);
    limits.outputs = std::max(limits.outputs, kCudaLimits.outputs);
  }
  if (!spec.causal) {  // a text whose tokens see each other can't be cut
    const std::int64_t longest = options.context > 0 ? options.context : spec.context_length;
    limits.rows = std::max(limits.rows, longest);
  }
  if (vision) {
    // Texts, and guesses of their tokens, go on beside it.
    limits.rows = std::max(limits.rows, limits.outputs + rows_at_once(vision->spec()));
  }
  return limits;
}

}  // namespace linnet
