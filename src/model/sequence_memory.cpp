// What is kept of a sequence between forward passes: keys, values and recurrent state.

#include <algorithm>

#include "model/model.hpp"

namespace linnet {
namespace {

KvLayerShape kv_layer_shape(const LayerSpec& layer) {
  if (layer.latent.heads > 0) return latent_kv_shape(layer.latent);
  const AttentionSpec& attention = layer.attention;
  if (attention.kv_layer >= 0) return {};
  return {attention.kv_heads, attention.key_width, attention.value_width};
}

// Keys and values of all layers, then the index keys of those that pick keys, and what layers see
// of an input.
std::vector<KvLayerShape> kv_layer_shapes(const ModelSpec& spec) {
  std::vector<KvLayerShape> shapes;
  for (const LayerSpec& layer : spec.layers) shapes.push_back(kv_layer_shape(layer));
  for (const LayerSpec& layer : spec.layers) {
    const IndexerSpec& indexer = layer.latent.indexer;
    if (indexer.heads == 0 || indexer.reused) continue;
    shapes.resize(std::max<std::size_t>(shapes.size(), indexer.kv_layer + 1));
    shapes[indexer.kv_layer] = {1, indexer.width, 0};
  }
  for (const LayerSpec& layer : spec.layers) {
    const CrossAttentionSpec& cross = layer.cross;
    if (cross.heads == 0) continue;
    shapes.resize(std::max<std::size_t>(shapes.size(), cross.kv_layer + 1));
    shapes[cross.kv_layer] = {cross.kv_heads, cross.key_width, cross.value_width};
  }
  if (!spec.adapters.tokens.empty()) shapes.push_back({1, 1, 1});  // AdaptersSpec::kv_layer
  return shapes;
}

}  // namespace

KvShape Model::kv_shape(KvType type, std::int64_t pages) const {
  return {kv_layer_shapes(spec_), type, pages};
}

StateShape Model::state_shape(std::int64_t slots) const {
  return linnet::state_shape(spec_, slots);
}

StateShape state_shape(const ModelSpec& spec, std::int64_t slots) {
  StateShape shape{{}, slots};
  for (const LayerSpec& layer : spec.layers) {
    shape.layer_floats.push_back(state_floats(layer.recurrent) + state_floats(layer.recurrent_ffn));
  }
  return shape;
}

std::int64_t state_bytes(const ModelSpec& spec) {
  std::int64_t floats = 0;
  for (const std::int64_t layer : state_shape(spec, 1).layer_floats) floats += layer;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t kv_bytes_per_token(const ModelSpec& spec, KvType type) {
  std::int64_t values = 0;
  for (const KvLayerShape& shape : kv_layer_shapes(spec)) {
    values += std::int64_t{shape.heads} * (shape.key_width + shape.value_width);
  }
  return values * info_of(type).block_bytes / 32;
}

}  // namespace linnet
