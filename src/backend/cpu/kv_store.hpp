#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "backend/head_rotation.hpp"
#include "base/page_memory.hpp"

namespace linnet::cpu {

/// Columns of a key or value head at most: the attention kernel unpacks a page on the stack.
inline constexpr int kWidestHead = 1024;

/// Keys and values in the layout that the attention kernel reads. A page and KV head holds, in
/// float32, binary16 or bfloat16, keys as [key_width][32 positions] and values as [32
/// positions][value_width padded to 16]; in Q8_0 the same in signed bytes, with float scales
/// [blocks of 32 columns][32 positions] after them; in Q4_0 codes from 0 to 15 that stand for -8
/// to 7, with scales in bfloat16, where two columns share a byte: of keys two neighbours, of values
/// those of a block that are 16 apart. CpuBackend::memory_layout() names this layout: another one
/// is another name.
///
/// A page of compressed keys has fewer positions (KvLayerShape::page_keys()). Attention reads those
/// of a sequence from a dense copy: copy_to_dense() puts them, for one layer of one sequence at a
/// time, into pages like the others.
class PagedKvStore final : public KvStore {
 public:
  static Result<std::unique_ptr<KvStore>> make(const KvShape& shape);

  std::int64_t size_bytes() const override {
    return size_bytes_ + (dense_ ? dense_->size_bytes() : 0);
  }
  std::int64_t page_bytes() const override;
  void export_page(std::int32_t page, std::span<std::byte> to) const override;
  void import_page(std::int32_t page, std::span<const std::byte> from) override;
  void copy_page(std::int32_t from, std::int32_t to) override;

  KvType type() const { return shape_.type; }
  const KvShape& shape() const { return shape_; }
  bool has_rotated_heads(int layer) const {
    return linnet::has_rotated_heads(shape_.type, shape_.layers[layer]);
  }

  std::uint8_t* keys(int layer, std::int32_t page, int head) const;
  std::uint8_t* values(int layer, std::int32_t page, int head) const;

  void store(int layer, std::int32_t page, int slot, const float* keys, const float* values);

  /// Copies the compressed keys [first, end) of a sequence with these pages; `first` is a multiple
  /// of kPageTokens. Key k then is at page k / kPageTokens of dense().
  void copy_to_dense(int layer, std::span<const std::int32_t> pages, std::int32_t first,
                     std::int32_t end) const;
  const PagedKvStore& dense() const { return *dense_; }
  int dense_layer(int layer) const { return layers_[layer].dense_layer; }

  static int padded(int width) { return (width + 15) / 16 * 16; }
  static int scale_blocks(int width) { return (width + 31) / 32; }
  /// What the columns of keys and of values take side by side, in numbers, or in bytes of kQ4_0.
  static constexpr int key_columns(KvType type, int width) {
    return type == KvType::kQ4_0 ? (width + 1) / 2 : width;
  }
  static constexpr int value_columns(KvType type, int width) {
    return type == KvType::kQ4_0 ? (width + 31) / 32 * 16 : width;
  }

 private:
  struct Layer {
    std::int64_t offset = 0;       // of page 0
    std::int64_t key_bytes = 0;    // of a page and head
    std::int64_t value_bytes = 0;  // of a page and head
    std::int64_t page_bytes = 0;   // of all heads
    int dense_layer = -1;          // of compressed keys
  };

  explicit PagedKvStore(const KvShape& shape) : shape_(shape) {}
  static Result<std::unique_ptr<PagedKvStore>> make_paged(const KvShape& shape);

  /// A page of one layer, all heads.
  std::span<std::byte> layer_page(std::size_t layer, std::int32_t page) const;

  KvShape shape_;
  std::vector<Layer> layers_;
  std::int64_t size_bytes_ = 0;
  PageMemory memory_;
  std::unique_ptr<PagedKvStore> dense_;  // null if no keys are compressed
};

}  // namespace linnet::cpu
