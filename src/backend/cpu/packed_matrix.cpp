#include "backend/cpu/packed_matrix.hpp"

#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "base/half.hpp"
#include "formats/all.hpp"

namespace linnet::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// What the packer knows of a format: how to fill one strip, and the values of one of its blocks.
struct Packing {
  Layout layout;
  // Packs `rows` (up to 16, the rest are zero) rows of `columns` inputs, `row_bytes` apart.
  void (*pack_strip)(const Layout& layout, const std::byte* rows_bytes, std::int64_t row_bytes,
                     std::int64_t rows, std::int64_t columns, std::uint8_t* strip);
};

std::uint8_t* code_at(const Layout& layout, std::uint8_t* block, std::int64_t lane,
                      std::int64_t input) {
  if (layout.codes == Codes::kBytes) {
    return block + input / 4 * 64 + lane * 4 + input % 4;
  }
  const std::int64_t low = input % 16;
  return block + low / 4 * 64 + lane * 4 + low % 4;
}

void put_code(const Layout& layout, std::uint8_t* block, std::int64_t lane, std::int64_t input,
              int stored) {
  std::uint8_t& byte = *code_at(layout, block, lane, input);
  if (layout.codes == Codes::kBytes) {
    byte = static_cast<std::uint8_t>(stored);
  } else {
    byte = static_cast<std::uint8_t>(byte | (input < 16 ? stored : stored << 4));
  }
}

int get_code(const Layout& layout, const std::uint8_t* block, std::int64_t lane,
             std::int64_t input) {
  const std::uint8_t byte = *code_at(layout, const_cast<std::uint8_t*>(block), lane, input);
  if (layout.codes == Codes::kBytes) return byte - layout.offset;
  const int nibble = input < 16 ? byte & 15 : byte >> 4;
  return (layout.codes == Codes::kTable ? layout.table[nibble] : nibble) - layout.offset;
}

void put_scale(const Layout& layout, std::uint8_t* scales, std::int64_t lane, float value) {
  if (layout.half_scales) {
    const std::uint16_t half = float_to_half(value);
    std::memcpy(scales + 2 * lane, &half, sizeof half);
  } else {
    std::memcpy(scales + 4 * lane, &value, sizeof value);
  }
}

float get_scale(const Layout& layout, const std::uint8_t* scales, std::int64_t lane) {
  if (layout.half_scales) {
    std::uint16_t half;
    std::memcpy(&half, scales + 2 * lane, sizeof half);
    return half_to_float(half);
  }
  float value;
  std::memcpy(&value, scales + 4 * lane, sizeof value);
  return value;
}

// Where lane 0's scale of the group of `input` in a block stands; the minimum is behind all scales.
std::int64_t scale_offset(const Layout& layout, std::int64_t input) {
  const std::int64_t group = input * layout.groups / kBlock;
  return layout.code_bytes() + group * kLanes * (layout.half_scales ? 2 : 4);
}

template <class T>
constexpr Layout layout_of() {
  Layout layout;
  layout.has_minimum = T::has_minimum;
  layout.groups = T::group_elements < kBlock ? kBlock / T::group_elements : 1;
  layout.half_scales = T::scales_fit_half && !T::has_super_scale;
  if constexpr (T::has_codebook) {
    layout.codes = Codes::kTable;
    layout.offset = 128;
    for (int i = 0; i < (1 << T::code_bits); ++i) {
      layout.table[i] = static_cast<std::uint8_t>(T::codebook[i] + 128);
    }
  } else if constexpr (T::code_bits <= 4) {
    layout.codes = Codes::kNibbles;
    layout.offset = -T::code_min;
  } else {
    layout.codes = Codes::kBytes;
    layout.offset = -T::code_min;
  }
  return layout;
}

template <class T>
void pack_quantised(const Layout& layout, const std::byte* rows_bytes, std::int64_t row_bytes,
                    std::int64_t rows, std::int64_t columns, std::uint8_t* strip) {
  static_assert(T::block_elements % kBlock == 0);
  static_assert(T::group_elements == 16 || T::group_elements % kBlock == 0);
  std::int8_t codes[T::block_elements];
  float scales[T::groups];
  float minimums[T::groups] = {};
  for (std::int64_t lane = 0; lane < rows; ++lane) {
    const std::byte* from = rows_bytes + lane * row_bytes;
    for (std::int64_t first = 0; first < columns; first += T::block_elements) {
      typename T::Block block;
      std::memcpy(&block, from, sizeof block);
      from += sizeof block;
      formats::unpack<T>(block, codes, scales, minimums);
      for (std::int64_t i = 0; i < T::block_elements; ++i) {
        std::uint8_t* to = strip + (first + i) / kBlock * layout.block_bytes();
        put_code(layout, to, lane, i % kBlock, formats::stored_code<T>(codes[i]));
        if (i % (kBlock / layout.groups) != 0) continue;
        const std::int64_t offset = scale_offset(layout, i % kBlock);
        put_scale(layout, to + offset, lane, scales[i / T::group_elements]);
        if (layout.has_minimum) {
          put_scale(layout, to + offset + layout.scale_bytes(), lane,
                    minimums[i / T::group_elements]);
        }
      }
    }
  }
}

// [columns][16 rows] of what `Value` bytes the file holds.
template <class Value>
void interleave(const Layout&, const std::byte* rows_bytes, std::int64_t row_bytes,
                std::int64_t rows, std::int64_t columns, std::uint8_t* strip) {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t lane = 0; lane < rows; ++lane) {
      std::memcpy(strip + (c * kLanes + lane) * sizeof(Value),
                  rows_bytes + lane * row_bytes + c * sizeof(Value), sizeof(Value));
    }
  }
}

template <Codes kCodes>
constexpr Layout float_layout() {
  Layout layout;
  layout.codes = kCodes;
  return layout;
}

Packing packing_of(const Format& format) {
  switch (format.type) {
    case TensorType::kF16:
      return {float_layout<Codes::kHalf>(), interleave<std::uint16_t>};
    case TensorType::kBF16:
      return {float_layout<Codes::kBfloat16>(), interleave<std::uint16_t>};
    default:
      break;
  }
  Packing packing{float_layout<Codes::kFloat32>(), nullptr};
  formats::for_each_quantised([&]<class T>() {
    if (T::type == format.type) packing = {layout_of<T>(), pack_quantised<T>};
  });
  return packing;
}

// F32 and the rare types that weights come in otherwise (F64, integers).
void pack_floats(const MatrixSource& source, const std::byte* rows_bytes, std::int64_t row_bytes,
                 std::int64_t rows, std::uint8_t* strip) {
  std::vector<float> row(static_cast<std::size_t>(source.columns));
  auto* to = reinterpret_cast<float*>(strip);
  for (std::int64_t lane = 0; lane < rows; ++lane) {
    source.format->dequantize(rows_bytes + lane * row_bytes, row.data(), source.columns);
    for (std::int64_t c = 0; c < source.columns; ++c) to[c * kLanes + lane] = row[c];
  }
}

}  // namespace

std::int64_t Layout::strip_bytes(std::int64_t columns) const {
  if (codes == Codes::kFloat32) return columns * kLanes * 4;
  if (is_float()) return columns * kLanes * 2;
  return columns / kBlock * block_bytes();
}

Layout choose_layout(const Format& format) { return packing_of(format).layout; }

PackedMatrix::PackedMatrix(const MatrixSource& source, const Layout& layout)
    : Matrix(source.columns, source.rows, source.slices),
      layout_(layout),
      strips_((source.rows + kLanes - 1) / kLanes) {}

void PackedMatrix::Free::operator()(std::uint8_t* p) const { munmap(p, size); }

Result<std::unique_ptr<PackedMatrix>> PackedMatrix::pack(const MatrixSource& source,
                                                         ThreadPool& pool) {
  const Packing packing = packing_of(*source.format);
  std::unique_ptr<PackedMatrix> matrix(new PackedMatrix(source, packing.layout));
  const auto size = static_cast<std::size_t>(matrix->size_bytes());
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return Error{"out of memory: " + std::to_string(size) + " bytes were asked for"};
  }
  if (size >= kHugePage) madvise(memory, size, MADV_HUGEPAGE);
  matrix->bytes_ = {static_cast<std::uint8_t*>(memory), Free{size}};

  const std::int64_t row_bytes = source.format->size_bytes(source.columns);
  pool.parallel_for(source.slices * matrix->strips_, [&](std::int64_t i) {
    const std::int64_t slice = i / matrix->strips_, index = i % matrix->strips_;
    const std::int64_t rows = std::min(kLanes, source.rows - index * kLanes);
    const std::byte* from = source.bytes + (slice * source.rows + index * kLanes) * row_bytes;
    auto* strip = const_cast<std::uint8_t*>(matrix->strip(slice, index));
    if (packing.pack_strip) {
      packing.pack_strip(packing.layout, from, row_bytes, rows, source.columns, strip);
    } else {
      pack_floats(source, from, row_bytes, rows, strip);
    }
  });
  return matrix;
}

void PackedMatrix::unpack_row(std::int64_t row, float* out) const {
  const std::uint8_t* start = strip(0, row / kLanes);
  const std::int64_t lane = row % kLanes;
  for (std::int64_t c = 0; c < columns(); ++c) {
    if (layout_.codes == Codes::kFloat32) {
      std::memcpy(out + c, start + (c * kLanes + lane) * 4, 4);
    } else if (layout_.is_float()) {
      std::uint16_t bits;
      std::memcpy(&bits, start + (c * kLanes + lane) * 2, sizeof bits);
      out[c] = layout_.codes == Codes::kHalf ? half_to_float(bits) : bfloat16_to_float(bits);
    } else {
      const std::uint8_t* block = start + c / kBlock * layout_.block_bytes();
      const std::uint8_t* scales = block + scale_offset(layout_, c % kBlock);
      out[c] = get_scale(layout_, scales, lane) *
               static_cast<float>(get_code(layout_, block, lane, c % kBlock));
      if (layout_.has_minimum) out[c] -= get_scale(layout_, scales + layout_.scale_bytes(), lane);
    }
  }
}

}  // namespace linnet::cpu
