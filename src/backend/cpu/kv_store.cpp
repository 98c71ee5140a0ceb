#include "backend/cpu/kv_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/dense_layers.hpp"
#include "backend/four_bits.hpp"
#include "backend/kv_pages.hpp"
#include "backend/visible_keys.hpp"
#include "base/checked.hpp"
#include "base/half.hpp"

namespace linnet::cpu {
namespace {

std::int64_t round_up(std::int64_t bytes, std::int64_t to) { return (bytes + to - 1) / to * to; }

// The keys or the values of one head in a page of `slots` positions.
struct Part {
  KvType type;
  bool is_key;
  int width;  // as it is stored
  int slots;

  std::int64_t element_bytes() const { return scale_bytes() ? 1 : info_of(type).block_bytes / 32; }
  std::int64_t scale_bytes() const {  // 0: there are none
    if (type == KvType::kQ8_0) return sizeof(float);
    return type == KvType::kQ4_0 ? sizeof(std::uint16_t) : 0;
  }
  int columns() const {
    return is_key ? PagedKvStore::key_columns(type, width)
                  : PagedKvStore::value_columns(type, width);
  }
  std::int64_t scales_offset() const {
    return round_up(std::int64_t{slots} * columns(), sizeof(float));
  }
  std::int64_t bytes() const {
    if (scale_bytes() == 0) return std::int64_t{slots} * columns() * element_bytes();
    const std::int64_t scales = std::int64_t{slots} * PagedKvStore::scale_blocks(width);
    return scales_offset() + round_up(scales * scale_bytes(), sizeof(float));
  }
  // Where column `c` of position `slot` stands: keys run over positions first, values over columns.
  std::int64_t place(int slot, int c) const {
    return is_key ? std::int64_t{c} * slots + slot : std::int64_t{slot} * columns() + c;
  }
  template <class Scale>
  Scale* scales(std::uint8_t* part) const {
    return reinterpret_cast<Scale*>(part + scales_offset());
  }
};

Part keys_of(const KvShape& shape, int layer) {
  const KvLayerShape& s = shape.layers[layer];
  return {shape.type, true, s.key_width, s.page_keys()};
}

Part values_of(const KvShape& shape, int layer) {
  const KvLayerShape& s = shape.layers[layer];
  return {shape.type, false, PagedKvStore::padded(s.value_width), s.page_keys()};
}

// Of a value that is at most 127 away from 0, unless it is NaN or its scale was not finite.
std::int8_t q8_0_code(float scaled) {
  const float code = std::nearbyint(scaled);
  if (std::isnan(code)) return 0;
  return static_cast<std::int8_t>(std::clamp(code, -127.0f, 127.0f));
}

// What is NaN is larger than all numbers: then its block has no scale that is one.
float larger(float a, float b) { return a <= b || std::isnan(b) ? b : a; }

void put_q8_0(std::uint8_t* to, const Part& part, int width, int slot, const float* from) {
  auto* codes = reinterpret_cast<std::int8_t*>(to);
  float* scales = part.scales<float>(to);
  for (int first = 0; first < width; first += 32) {
    const int last = std::min(first + 32, width);
    float largest = 0.0f;
    for (int c = first; c < last; ++c) largest = larger(std::fabs(from[c]), largest);
    const float scale = half_to_float(float_to_half(largest / 127.0f));
    const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
    scales[first / 32 * part.slots + slot] = scale;
    for (int c = first; c < last; ++c) {
      codes[part.place(slot, c)] = q8_0_code(from[c] * inverse);
    }
  }
}

void put_q4_0(std::uint8_t* to, const Part& part, int width, int slot, const float* from) {
  auto* scales = part.scales<std::uint16_t>(to);
  const int columns = part.columns();
  // From one pair of columns in a byte to the next, and from the first of a pair to the second.
  const std::int64_t stride = part.place(slot, 1) - part.place(slot, 0);
  const int next = part.is_key ? 2 : 1, other = part.is_key ? 1 : 16;
  for (int first = 0; first < width; first += 32) {
    float codes[32] = {};
    const float scale = round_to_four_bits(from + first, std::min(32, width - first), codes);
    scales[first / 32 * part.slots + slot] = float_to_bfloat16(scale);
    std::uint8_t* const bytes = to + part.place(slot, first / 2);
    for (int i = 0; i < std::min(16, columns - first / 2); ++i) {
      const int low = static_cast<int>(codes[next * i]) + 8;
      const int high = static_cast<int>(codes[next * i + other]) + 8;
      bytes[i * stride] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

void put(std::uint8_t* to, const Part& part, int width, int slot, const float* from) {
  if (part.type == KvType::kQ8_0) return put_q8_0(to, part, width, slot, from);
  if (part.type == KvType::kQ4_0) return put_q4_0(to, part, width, slot, from);
  for (int c = 0; c < width; ++c) {
    const std::int64_t at = part.place(slot, c);
    if (part.type == KvType::kF32) {
      reinterpret_cast<float*>(to)[at] = from[c];
    } else {
      reinterpret_cast<std::uint16_t*>(to)[at] =
          part.type == KvType::kF16 ? float_to_half(from[c]) : float_to_bfloat16(from[c]);
    }
  }
}

// Positions that lie side by side in a page.
struct Slots {
  std::uint8_t* part;
  const Part& layout;
  int first;
};

void copy_slots(const Slots& from, int count, const Slots& to) {
  const Part& layout = from.layout;
  const std::int64_t bytes = layout.element_bytes();
  const auto copy = [&](int slot, int c, std::int64_t elements) {
    std::memcpy(to.part + to.layout.place(to.first + slot, c) * bytes,
                from.part + layout.place(from.first + slot, c) * bytes, elements * bytes);
  };
  if (layout.is_key) {
    for (int c = 0; c < layout.columns(); ++c) copy(0, c, count);
  } else {
    copy(0, 0, std::int64_t{count} * layout.columns());
  }
  const std::int64_t scale_bytes = layout.scale_bytes();
  if (scale_bytes == 0) return;
  for (int block = 0; block < PagedKvStore::scale_blocks(layout.width); ++block) {
    std::memcpy(
        to.layout.scales<std::uint8_t>(to.part) +
            (block * to.layout.slots + to.first) * scale_bytes,
        layout.scales<std::uint8_t>(from.part) + (block * layout.slots + from.first) * scale_bytes,
        count * scale_bytes);
  }
}

}  // namespace

Result<std::unique_ptr<KvStore>> PagedKvStore::make(const KvShape& shape) {
  if (shape.type == KvType::kF8) {
    return Error{
        "the CPU backend keeps no keys and values in f8_e4m3; q8_0 is nearly as small, q4_0 "
        "smaller"};
  }
  auto store = make_paged(shape);
  if (!store) return store.error();
  return std::unique_ptr<KvStore>(std::move(*store));
}

Result<std::unique_ptr<PagedKvStore>> PagedKvStore::make_paged(const KvShape& shape) {
  constexpr std::int64_t kAlignment = 64;
  constexpr std::int64_t kMostBytes = std::numeric_limits<std::int64_t>::max() - kAlignment;
  std::unique_ptr<PagedKvStore> store(new PagedKvStore(shape));
  KvShape dense{{}, shape.type, 0};
  for (int i = 0; i < static_cast<int>(shape.layers.size()); ++i) {
    const KvLayerShape& layer = shape.layers[i];
    Layer place;
    place.offset = round_up(store->size_bytes_, kAlignment);
    place.key_bytes = keys_of(shape, i).bytes();
    place.value_bytes = values_of(shape, i).bytes();
    place.page_bytes = layer.heads * (place.key_bytes + place.value_bytes);
    const std::int64_t bytes = saturating_multiply(shape.pages, place.page_bytes);
    store->size_bytes_ = saturating_add(place.offset, bytes);
    if (store->size_bytes_ > kMostBytes) {
      return Error{
          fmt::format("the KV cache is too large: with {} pages of {} bytes for layer {}, it has "
                      "more than {} bytes",
                      shape.pages, place.page_bytes, i, kMostBytes)};
    }
    if (layer.stride > 1) {
      const std::int64_t keys = shape.pages * layer.page_keys();
      dense.pages = std::max(dense.pages, pages_for(keys));
      place.dense_layer = add_dense_layer(layer, dense.layers);
    }
    store->layers_.push_back(place);
  }
  auto memory = PageMemory::allocate(store->size_bytes_);
  if (!memory) return memory.error();
  store->memory_ = std::move(*memory);
  if (dense.layers.empty()) return store;
  auto made = make_paged(dense);
  if (!made) return made.error();
  store->dense_ = std::move(*made);
  return store;
}

void PagedKvStore::copy_to_dense(int layer, std::span<const std::int32_t> pages, std::int32_t first,
                                 std::int32_t end) const {
  const int to_layer = layers_[layer].dense_layer;
  const KvLayerShape& shape = shape_.layers[layer];
  const Part from_keys = keys_of(shape_, layer), to_keys = keys_of(dense_->shape_, to_layer);
  const Part from_values = values_of(shape_, layer),
             to_values = values_of(dense_->shape_, to_layer);
  for (std::int32_t key = first; key < end; key += shape.page_keys()) {
    const int count = std::min(shape.page_keys(), end - key);
    const std::int32_t page = pages[compressed_place(key, shape.stride).page];
    const std::int32_t to_page = key / kPageTokens;
    const int to_slot = key % kPageTokens;
    for (int head = 0; head < shape.heads; ++head) {
      copy_slots({keys(layer, page, head), from_keys, 0}, count,
                 {dense_->keys(to_layer, to_page, head), to_keys, to_slot});
      copy_slots({values(layer, page, head), from_values, 0}, count,
                 {dense_->values(to_layer, to_page, head), to_values, to_slot});
    }
  }
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
  const Part key_part = keys_of(shape_, layer), value_part = values_of(shape_, layer);
  const bool rotates = has_rotated_heads(layer);
  const auto put_head = [&](std::uint8_t* to, const Part& part, int width, const float* from) {
    if (!rotates) return put(to, part, width, slot, from);
    float rotated[kWidestHead];
    std::copy_n(from, width, rotated);
    rotate_head(rotated, width);
    put(to, part, width, slot, rotated);
  };
  for (int head = 0; head < shape.heads; ++head) {
    put_head(keys(layer, page, head), key_part, shape.key_width, new_keys + head * shape.key_width);
    put_head(values(layer, page, head), value_part, shape.value_width,
             new_values + head * shape.value_width);
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
