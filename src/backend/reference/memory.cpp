#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "backend/four_bits.hpp"
#include "backend/head_rotation.hpp"
#include "backend/reference/reference_backend.hpp"
#include "backend/visible_keys.hpp"
#include "base/half.hpp"

namespace linnet {

std::unique_ptr<Backend> make_reference_backend() {
  return std::make_unique<reference::ReferenceBackend>();
}

namespace reference {
namespace {

constexpr int kKvQuantBlock = 32;

// What comes back of 32 values that were stored as Q8_0.
void round_through_q8_0(float* values, int count) {
  float largest = 0.0f;
  for (int i = 0; i < count; ++i) largest = std::max(largest, std::fabs(values[i]));
  const float scale = half_to_float(float_to_half(largest / 127.0f));
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  for (int i = 0; i < count; ++i) values[i] = std::nearbyint(values[i] * inverse) * scale;
}

void round_through_q4_0(float* values, int count) {
  float codes[kKvQuantBlock];
  const float scale = round_to_four_bits(values, count, codes);
  for (int i = 0; i < count; ++i) values[i] = codes[i] * scale;
}

void round_through(KvType type, float* values, int width) {
  switch (type) {
    case KvType::kF32:
      return;
    case KvType::kF16:
      for (int i = 0; i < width; ++i) values[i] = half_to_float(float_to_half(values[i]));
      return;
    case KvType::kBf16:
      for (int i = 0; i < width; ++i) values[i] = bfloat16_to_float(float_to_bfloat16(values[i]));
      return;
    case KvType::kQ8_0:
      for (int i = 0; i < width; i += kKvQuantBlock) {
        round_through_q8_0(values + i, std::min(kKvQuantBlock, width - i));
      }
      return;
    case KvType::kF8:
      for (int i = 0; i < width; ++i) values[i] = e4m3_to_float(float_to_e4m3(values[i]));
      return;
    case KvType::kQ4_0:
      for (int i = 0; i < width; i += kKvQuantBlock) {
        round_through_q4_0(values + i, std::min(kKvQuantBlock, width - i));
      }
  }
}

void copy_heads(KvType type, bool rotates, const float* from, int heads, int width, float* to) {
  std::copy_n(from, std::int64_t{heads} * width, to);  // nothing if there are no values
  for (int h = 0; h < heads; ++h) {
    float* const head = to + h * width;
    if (rotates) rotate_head(head, width);
    round_through(type, head, width);
    if (rotates) rotate_head(head, width);
  }
}

}  // namespace

PackedMatrix::PackedMatrix(const MatrixSource& source)
    : Matrix(source.columns, source.rows, source.slices), format_(source.format) {
  const auto size = format_->size_bytes(source.columns) * source.rows * source.slices;
  bytes_.assign(source.bytes, source.bytes + size);
}

void PackedMatrix::row(std::int64_t slice, std::int64_t row, float* out) const {
  const std::int64_t row_bytes = format_->size_bytes(columns());
  format_->dequantize(bytes_.data() + (slice * rows() + row) * row_bytes, out, columns());
}

PlainKvStore::PlainKvStore(const KvShape& shape) : shape_(shape) {
  for (const KvLayerShape& layer : shape.layers) {
    const auto keys = static_cast<std::size_t>(shape.pages * layer.page_keys() * layer.heads);
    keys_.emplace_back(keys * layer.key_width);
    values_.emplace_back(keys * layer.value_width);
  }
}

std::int64_t PlainKvStore::size_bytes() const {
  std::size_t floats = 0;
  for (const auto& layer : keys_) floats += layer.size();
  for (const auto& layer : values_) floats += layer.size();
  return static_cast<std::int64_t>(floats * sizeof(float));
}

template <class Store, class Visit>
void PlainKvStore::for_each_part(Store& store, std::int32_t page, Visit&& visit) {
  for (std::size_t layer = 0; layer < store.keys_.size(); ++layer) {
    const KvLayerShape& shape = store.shape_.layers[layer];
    for (auto* part : {&store.keys_[layer], &store.values_[layer]}) {
      const int width = part == &store.keys_[layer] ? shape.key_width : shape.value_width;
      const auto floats = static_cast<std::size_t>(shape.page_keys()) * shape.heads * width;
      visit(std::span(*part).subspan(static_cast<std::size_t>(page) * floats, floats));
    }
  }
}

std::int64_t PlainKvStore::page_bytes() const {
  return shape_.pages > 0 ? size_bytes() / shape_.pages : 0;
}

void PlainKvStore::export_page(std::int32_t page, std::span<std::byte> to) const {
  for_each_part(*this, page, [&](std::span<const float> part) {
    std::ranges::copy(std::as_bytes(part), to.begin());
    to = to.subspan(part.size_bytes());
  });
}

void PlainKvStore::import_page(std::int32_t page, std::span<const std::byte> from) {
  for_each_part(*this, page, [&](std::span<float> part) {
    std::ranges::copy(from.first(part.size_bytes()), std::as_writable_bytes(part).begin());
    from = from.subspan(part.size_bytes());
  });
}

void PlainKvStore::copy_page(std::int32_t from, std::int32_t to) {
  std::vector<std::byte> page(static_cast<std::size_t>(page_bytes()));
  export_page(from, page);
  import_page(to, page);
}

const float* PlainKvStore::key(int layer, std::int32_t page, int slot) const {
  const KvLayerShape& shape = shape_.layers[layer];
  const std::int64_t width = shape.heads * shape.key_width;
  return keys_[layer].data() + (std::int64_t{page} * shape.page_keys() + slot) * width;
}

const float* PlainKvStore::value(int layer, std::int32_t page, int slot) const {
  const KvLayerShape& shape = shape_.layers[layer];
  const std::int64_t width = shape.heads * shape.value_width;
  return values_[layer].data() + (std::int64_t{page} * shape.page_keys() + slot) * width;
}

float* PlainKvStore::key(int layer, std::int32_t page, int slot) {
  return const_cast<float*>(std::as_const(*this).key(layer, page, slot));
}

float* PlainKvStore::value(int layer, std::int32_t page, int slot) {
  return const_cast<float*>(std::as_const(*this).value(layer, page, slot));
}

Result<std::unique_ptr<Buffer>> ReferenceBackend::allocate(std::int64_t floats) {
  try {
    return std::unique_ptr<Buffer>(std::make_unique<HostBuffer>(floats));
  } catch (const std::bad_alloc&) {
    return Error{"out of memory: " + std::to_string(floats * 4) + " bytes were asked for"};
  }
}

Result<std::unique_ptr<Matrix>> ReferenceBackend::upload(const MatrixSource& source) {
  try {
    return std::unique_ptr<Matrix>(std::make_unique<PackedMatrix>(source));
  } catch (const std::bad_alloc&) {
    return Error{"out of memory while loading a weight"};
  }
}

Result<std::unique_ptr<KvStore>> ReferenceBackend::make_kv_store(const KvShape& shape) {
  try {
    return std::unique_ptr<KvStore>(std::make_unique<PlainKvStore>(shape));
  } catch (const std::bad_alloc&) {
    return Error{"out of memory while allocating the KV cache"};
  }
}

void ReferenceBackend::upload(std::span<const float> from, float* to) {
  std::memcpy(to, from.data(), from.size_bytes());
}

void ReferenceBackend::upload(std::span<const std::int32_t> from, std::int32_t* to) {
  std::memcpy(to, from.data(), from.size_bytes());
}

void ReferenceBackend::download(const View& from, float* to) {
  for (std::int64_t r = 0; r < from.rows; ++r) {
    std::memcpy(to + r * from.columns, from.row(r), sizeof(float) * from.columns);
  }
}

void ReferenceBackend::store_kv(KvStore& store, int layer, View keys, View values,
                                const BatchLayout& batch) {
  auto& plain = static_cast<PlainKvStore&>(store);
  const KvLayerShape& shape = plain.shape().layers[layer];
  const KvType type = plain.shape().type;
  const bool rotates = has_rotated_heads(type, shape);
  for (std::int64_t r = 0; r < keys.rows; ++r) {
    const KeyPlace place = key_place(batch.positions[r], shape.stride);
    const std::int32_t page = batch.page_tables[batch.sequences[r]][place.page];
    const int slot = place.slot;
    copy_heads(type, rotates, keys.row(r), shape.heads, shape.key_width,
               plain.key(layer, page, slot));
    copy_heads(type, rotates, values.row(r), shape.heads, shape.value_width,
               plain.value(layer, page, slot));
  }
}

}  // namespace reference
}  // namespace linnet
