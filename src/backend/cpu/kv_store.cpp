#include "backend/cpu/kv_store.hpp"

#include <algorithm>
#include <cmath>

#include "base/half.hpp"

namespace linnet::cpu {
namespace {

std::int64_t part_bytes(KvType type, int width) {
  if (type != KvType::kQ8_0) return std::int64_t{width} * info_of(type).block_bytes;
  return std::int64_t{kPageTokens} * (width + PagedKvStore::scale_blocks(width) * 4);
}

// Where column `c` of position `slot` stands: keys run over positions first, values over columns.
std::int64_t place(bool is_key, int width, int slot, int c) {
  return is_key ? std::int64_t{c} * kPageTokens + slot : std::int64_t{slot} * width + c;
}

void put_q8_0(std::uint8_t* to, bool is_key, int width, int stored_width, int slot,
              const float* from) {
  auto* codes = reinterpret_cast<std::int8_t*>(to);
  auto* scales = reinterpret_cast<float*>(to + std::int64_t{kPageTokens} * stored_width);
  for (int first = 0; first < width; first += 32) {
    const int last = std::min(first + 32, width);
    float largest = 0.0f;
    for (int c = first; c < last; ++c) largest = std::max(largest, std::fabs(from[c]));
    const float scale = half_to_float(float_to_half(largest / 127.0f));
    const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    scales[first / 32 * kPageTokens + slot] = scale;
    for (int c = first; c < last; ++c) {
      codes[place(is_key, stored_width, slot, c)] =
          static_cast<std::int8_t>(std::nearbyint(from[c] * inverse));
    }
  }
}

void put(KvType type, std::uint8_t* to, bool is_key, int width, int stored_width, int slot,
         const float* from) {
  if (type == KvType::kQ8_0) return put_q8_0(to, is_key, width, stored_width, slot, from);
  for (int c = 0; c < width; ++c) {
    const std::int64_t at = place(is_key, stored_width, slot, c);
    if (type == KvType::kF32) {
      reinterpret_cast<float*>(to)[at] = from[c];
    } else {
      reinterpret_cast<std::uint16_t*>(to)[at] =
          type == KvType::kF16 ? float_to_half(from[c]) : float_to_bfloat16(from[c]);
    }
  }
}

}  // namespace

Result<std::unique_ptr<KvStore>> PagedKvStore::make(const KvShape& shape) {
  if (shape.type == KvType::kF8) {
    return Error{"the CPU backend keeps no keys and values in f8_e4m3; q8_0 is as small"};
  }
  std::unique_ptr<PagedKvStore> store(new PagedKvStore(shape));
  for (const KvLayerShape& layer : shape.layers) {
    Layer place;
    place.offset = store->size_bytes_;
    place.key_bytes = part_bytes(shape.type, layer.key_width);
    place.value_bytes = part_bytes(shape.type, padded(layer.value_width));
    place.page_bytes = layer.heads * (place.key_bytes + place.value_bytes);
    store->size_bytes_ += shape.pages * place.page_bytes;
    store->layers_.push_back(place);
  }
  auto memory = PageMemory::allocate(store->size_bytes_);
  if (!memory) return memory.error();
  store->memory_ = std::move(*memory);
  return std::unique_ptr<KvStore>(std::move(store));
}

std::uint8_t* PagedKvStore::keys(int layer, std::int32_t page, int head) const {
  const Layer& place = layers_[layer];
  return memory_.data() + place.offset + page * place.page_bytes +
         head * (place.key_bytes + place.value_bytes);
}

std::uint8_t* PagedKvStore::values(int layer, std::int32_t page, int head) const {
  return keys(layer, page, head) + layers_[layer].key_bytes;
}

void PagedKvStore::store(int layer, std::int32_t page, int slot, const float* new_keys,
                         const float* new_values) {
  const KvLayerShape& shape = shape_.layers[layer];
  for (int head = 0; head < shape.heads; ++head) {
    put(shape_.type, keys(layer, page, head), true, shape.key_width, shape.key_width, slot,
        new_keys + head * shape.key_width);
    put(shape_.type, values(layer, page, head), false, shape.value_width, padded(shape.value_width),
        slot, new_values + head * shape.value_width);
  }
}

std::span<std::byte> PagedKvStore::layer_page(std::size_t layer, std::int32_t page) const {
  const Layer& place = layers_[layer];
  return {reinterpret_cast<std::byte*>(memory_.data() + place.offset + page * place.page_bytes),
          static_cast<std::size_t>(place.page_bytes)};
}

void PagedKvStore::copy_page(std::int32_t from, std::int32_t to) {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    std::ranges::copy(layer_page(layer, from), layer_page(layer, to).begin());
  }
}

std::int64_t PagedKvStore::page_bytes() const {
  std::int64_t bytes = 0;
  for (const Layer& layer : layers_) bytes += layer.page_bytes;
  return bytes;
}

void PagedKvStore::export_page(std::int32_t page, std::span<std::byte> to) const {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const auto bytes = layer_page(layer, page);
    std::ranges::copy(bytes, to.begin());
    to = to.subspan(bytes.size());
  }
}

void PagedKvStore::import_page(std::int32_t page, std::span<const std::byte> from) {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const auto bytes = layer_page(layer, page);
    std::ranges::copy(from.first(bytes.size()), bytes.begin());
    from = from.subspan(bytes.size());
  }
}

}  // namespace linnet::cpu
