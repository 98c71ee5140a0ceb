// What is kept of a sequence between forward passes: keys, values and recurrent state.

#include <algorithm>

#include "backend/dense_layers.hpp"
#include "backend/split_stores.hpp"
#include "model/model.hpp"

namespace linnet {
namespace {

KvLayerShape kv_layer_shape(const LayerSpec& layer) {
  if (layer.latent.heads > 0) return latent_kv_shape(layer.latent);
  const CompressedAttentionSpec& compressed = layer.compressed;
  if (compressed.heads > 0) return {1, compressed.head_width, 0};
  const AttentionSpec& attention = layer.attention;
  if (attention.kv_layer >= 0) return {};
  return {attention.kv_heads, attention.key_width, attention.value_width};
}

// Keys and values of all layers, then the index keys of those that pick keys, compressed keys, and
// what layers see of an input. What belongs to others than `layers` is empty.
std::vector<KvLayerShape> kv_layer_shapes(const ModelSpec& spec, LayerRange layers) {
  const int count = static_cast<int>(spec.layers.size());
  std::vector<KvLayerShape> shapes(spec.layers.size());
  if (spec.prediction.kind == PredictionSpec::Kind::kReadsKeys) return shapes;
  for (int i = 0; i < count; ++i) {
    const bool keeps = i == 0 || !spec.forgets_keys;
    if (layers.holds(i) && keeps) shapes[i] = kv_layer_shape(spec.layers[i]);
  }
  const auto put = [&](int layer, int at, const KvLayerShape& shape) {
    shapes.resize(std::max<std::size_t>(shapes.size(), at + 1));
    if (layers.holds(layer)) shapes[at] = shape;
  };
  for (int i = 0; i < count; ++i) {
    const IndexerSpec& indexer = spec.layers[i].latent.indexer;
    if (indexer.heads == 0 || indexer.reused) continue;
    put(i, indexer.kv_layer, {1, indexer.width, 0});
  }
  for (int i = 0; i < count; ++i) {
    const CompressedAttentionSpec& keys = spec.layers[i].compressed;
    if (keys.stride == 0) continue;
    put(i, keys.kv_layer, {1, keys.head_width, 0, keys.stride});
    if (keys.indexer.heads == 0) continue;
    put(i, keys.indexer.kv_layer, {1, keys.indexer.width, 0, keys.stride});
  }
  for (int i = 0; i < count; ++i) {
    const BlockIndexerSpec& blocks = spec.layers[i].attention.blocks;
    if (blocks.heads > 0) put(i, blocks.kv_layer, {1, blocks.width, 0, blocks.key_stride()});
  }
  if (!spec.adapters.tokens.empty()) {  // AdaptersSpec::kv_layer, which stands before the layers
    shapes.push_back(layers.holds(0) ? KvLayerShape{1, 1, 1} : KvLayerShape{});
  }
  for (int i = 0; i < count; ++i) {
    const CrossAttentionSpec& cross = spec.layers[i].cross;
    if (cross.heads == 0) continue;
    put(i, cross.kv_layer, {cross.kv_heads, cross.key_width, cross.value_width});
  }
  return shapes;
}

// The store of the only stage, or one of `Split` with a part for each.
template <class Split, class Store, class Make>
Result<std::unique_ptr<Store>> make_store(const std::vector<Stage>& stages, const Make& make) {
  std::vector<std::unique_ptr<Store>> parts;
  for (const Stage& stage : stages) {
    auto part = make(stage);
    if (!part) return part.error();
    parts.push_back(std::move(*part));
  }
  if (parts.size() == 1) return std::move(parts.front());
  return std::unique_ptr<Store>(new Split(std::move(parts)));
}

}  // namespace

KvShape Model::kv_shape(KvType type, std::int64_t pages) const {
  return {kv_layer_shapes(spec_, {}), type, pages};
}

StateShape Model::state_shape(std::int64_t slots) const {
  return linnet::state_shape(spec_, slots);
}

Result<std::unique_ptr<KvStore>> Model::make_kv_store(KvType type, std::int64_t pages) const {
  return make_store<SplitKvStore, KvStore>(stages_, [&](const Stage& stage) {
    return stage.backend->make_kv_store({kv_layer_shapes(spec_, stage.layers), type, pages});
  });
}

Result<std::unique_ptr<StateStore>> Model::make_state_store(std::int64_t slots) const {
  return make_store<SplitStateStore, StateStore>(stages_, [&](const Stage& stage) {
    return stage.backend->make_state_store(linnet::state_shape(spec_, slots, stage.layers));
  });
}

StateShape state_shape(const ModelSpec& spec, std::int64_t slots, LayerRange layers) {
  StateShape shape{{}, slots};
  for (int i = 0; i < static_cast<int>(spec.layers.size()); ++i) {
    const LayerSpec& layer = spec.layers[i];
    shape.layer_floats.push_back(
        layers.holds(i) ? layer.block_state_floats() + layer.ngrams.state_floats() : 0);
  }
  return shape;
}

bool can_part(const ModelSpec& spec, int layer) {
  if (spec.input.layers > 0)
    return false;  // all layers of a text read what those of its input made
  bool has_picks = false;
  for (int i = layer; i < static_cast<int>(spec.layers.size()); ++i) {
    const int keys_of = spec.layers[i].attention.kv_layer;
    if (keys_of >= 0 && keys_of < layer) return false;
    // The first layer's table, which is in the memory of that layer.
    if (spec.layers[i].attention.distance_bias.count > 0 && layer > 0) return false;
    // Its table stands before the layers.
    if (spec.layers[i].ngrams.size > 0) return false;
    const IndexerSpec& indexer = spec.layers[i].latent.indexer;
    if (indexer.heads > 0 && indexer.reused && !has_picks) return false;
    has_picks |= indexer.heads > 0;
  }
  return true;
}

std::int64_t state_bytes(const ModelSpec& spec, LayerRange layers) {
  std::int64_t floats = 0;
  for (const std::int64_t layer : state_shape(spec, 1, layers).layer_floats) floats += layer;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t kv_bytes_per_token(const ModelSpec& spec, KvType type, LayerRange layers) {
  const int step = type == KvType::kQ4_0 ? 32 : 16;  // to which backends may pad
  const auto padded = [&](int width) { return (width + step - 1) / step * step; };
  const auto key_values = [&](const KvLayerShape& shape) {
    return std::int64_t{shape.heads} * (padded(shape.key_width) + padded(shape.value_width));
  };
  std::int64_t page_values = 0;
  std::vector<KvLayerShape> dense;  // of compressed keys
  int dense_keys = 0;               // of a page, in all of them
  for (const KvLayerShape& shape : kv_layer_shapes(spec, layers)) {
    page_values += key_values(shape) * shape.page_keys();
    if (shape.stride == 1) continue;
    dense_keys = std::max(dense_keys, shape.page_keys());
    add_dense_layer(shape, dense);
  }
  for (const KvLayerShape& shape : dense) page_values += key_values(shape) * dense_keys;
  return page_values / kPageTokens * info_of(type).block_bytes / 32;
}

}  // namespace linnet
