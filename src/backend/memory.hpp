// What a backend keeps: matrices, weights, the pages of keys and values, the slots of states, and
// where the rows of a batch are in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.hpp"

namespace linnet {

/// A float32 matrix in the backend's memory, row-major, `stride` floats from one row to the next.
/// Does not own its memory.
struct View {
  float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;

  float* row(std::int64_t i) const { return data + i * stride; }
  /// Columns [first, first + count) of every row.
  View slice(std::int64_t first, std::int64_t count) const {
    return {data + first, rows, count, stride};
  }
  View first_rows(std::int64_t count) const { return {data, count, columns, stride}; }
};

/// Integers in a backend's memory that was allocated for as many floats.
inline std::int32_t* as_integers(float* numbers) {
  static_assert(sizeof(std::int32_t) == sizeof(float) && alignof(std::int32_t) == alignof(float));
  return reinterpret_cast<std::int32_t*>(numbers);
}

/// float32 memory of a backend; freed with the object.
class Buffer {
 public:
  virtual ~Buffer() = default;
  float* data() const { return data_; }
  std::int64_t size() const { return size_; }  ///< in floats

 protected:
  float* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// Which weight of a file a matrix is.
struct WeightName {
  std::string tensor = {};  ///< empty: it has no name
  std::int64_t slice = 0;   ///< the tensor's slice that is the matrix's first
  std::int64_t slices = 1;  ///< of the tensor
};

/// A weight as it lies in the file: `slices` matrices (more than one for experts) of `rows` outputs
/// by `columns` inputs, packed in `format`.
struct MatrixSource {
  const Format* format;
  const std::byte* bytes;
  std::int64_t columns;
  std::int64_t rows;
  std::int64_t slices = 1;
  /// Whether the bytes outlive the matrix, so that a slice may be read when it is first used.
  bool lasting = false;
  std::string name = {};  ///< for errors about a lasting weight: its file and tensor
  WeightName weight = {};
};

/// A weight in the layout that the backend's kernels want.
class Matrix {
 public:
  Matrix(std::int64_t columns, std::int64_t rows, std::int64_t slices)
      : columns_(columns), rows_(rows), slices_(slices) {}
  virtual ~Matrix() = default;
  std::int64_t columns() const { return columns_; }  ///< inputs
  std::int64_t rows() const { return rows_; }        ///< outputs of one slice
  std::int64_t slices() const { return slices_; }
  virtual std::int64_t size_bytes() const = 0;

 private:
  std::int64_t columns_, rows_, slices_;
};

/// Tokens in a page of the KV cache. A page holds the positions [i * kPageTokens, (i + 1) *
/// kPageTokens) of a sequence, so that a key lies at the same place of a page whoever computed it.
inline constexpr int kPageTokens = 32;

/// The type that keys and values are kept in. kF8: 8-bit floats with 4 bits of exponent and 3 of
/// mantissa (E4M3 of https://arxiv.org/abs/2209.05433), the largest being +-448. kQ4_0: 4 bits, of
/// Hadamard-rotated heads: see head_rotation.hpp. Not every backend has these two.
enum class KvType { kF32, kF16, kBf16, kQ8_0, kF8, kQ4_0 };

struct KvTypeInfo {
  std::string_view name;
  int block_bytes;  ///< of 32 values, at most: backends keep the scales of Q8_0 in 2 or 4 bytes
};

/// By KvType.
inline constexpr KvTypeInfo kKvTypes[] = {{"f32", 128}, {"f16", 64},     {"bf16", 64},
                                          {"q8_0", 36}, {"f8_e4m3", 32}, {"q4_0", 18}};

inline constexpr const KvTypeInfo& info_of(KvType type) { return kKvTypes[static_cast<int>(type)]; }

struct KvLayerShape {
  int heads = 0;        ///< 0: the layer keeps no keys and values
  int key_width = 0;    ///< of one head
  int value_width = 0;  ///< of one head
  /// Tokens that one key stands for, a power of two; it is kept at the place of the last one.
  int stride = 1;

  /// Keys in a page.
  int page_keys() const { return stride < kPageTokens ? kPageTokens / stride : 1; }
};

struct KvShape {
  std::vector<KvLayerShape> layers;
  KvType type = KvType::kF16;
  std::int64_t pages = 0;  ///< of every layer
};

/// The pages of keys and values of all layers.
class KvStore {
 public:
  virtual ~KvStore() = default;
  virtual std::int64_t size_bytes() const = 0;

  /// Bytes of one page of all layers, laid out as Backend::memory_layout() names it.
  virtual std::int64_t page_bytes() const = 0;
  /// Copies a page out to, or in from, `page_bytes()` bytes of host memory.
  virtual void export_page(std::int32_t page, std::span<std::byte> to) const = 0;
  virtual void import_page(std::int32_t page, std::span<const std::byte> from) = 0;
  /// Copies all layers of page `from` to page `to`.
  virtual void copy_page(std::int32_t from, std::int32_t to) = 0;
};

/// What recurrent layers keep of a sequence: `layer_floats[layer]` floats in each of `slots` slots.
/// A slot holds the state of all layers after some token of a sequence.
struct StateShape {
  std::vector<std::int64_t> layer_floats;
  std::int64_t slots = 0;
};

/// The slots with the recurrent state of all layers.
class StateStore {
 public:
  virtual ~StateStore() = default;
  virtual std::int64_t size_bytes() const = 0;

  /// Bytes of one slot of all layers, laid out as Backend::memory_layout() names it.
  virtual std::int64_t slot_bytes() const = 0;
  /// Copies a slot out to, or in from, `slot_bytes()` bytes of host memory.
  virtual void export_slot(std::int32_t slot, std::span<std::byte> to) const = 0;
  virtual void import_slot(std::int32_t slot, std::span<const std::byte> from) = 0;
  /// Resets `slot` to the state of a sequence without tokens.
  virtual void clear_slot(std::int32_t slot) = 0;
  virtual void copy_slot(std::int32_t from, std::int32_t to) = 0;
};

/// Where a part of a layer's state begins.
struct StatePart {
  int layer = 0;
  std::int64_t first = 0;  ///< of the layer's floats
};

/// What the rows of a batch are: row r is the token at `positions[r]` of the sequence
/// `sequences[r]`. Page p of this is `page_tables[sequence][p]`; it has `lengths[sequence]` tokens
/// once this batch is stored; its recurrent state is in the slot `states[sequence]` (empty for
/// models without). If there are states, the rows of a sequence are consecutive, in the order of
/// their positions, and continue from its state.
struct BatchLayout {
  std::span<const std::int32_t> positions;
  std::span<const std::int32_t> sequences;
  std::span<const std::span<const std::int32_t>> page_tables;
  std::span<const std::int32_t> lengths;
  std::span<const std::int32_t> states = {};
};

}  // namespace linnet
