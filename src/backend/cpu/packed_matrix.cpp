#include "backend/cpu/packed_matrix.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "backend/cpu/pack_strip.hpp"
#include "formats/magnitude.hpp"

namespace linnet::cpu {

PackedMatrix::PackedMatrix(const MatrixSource& source)
    : Matrix(source.columns, source.rows, source.slices),
      layout_(choose_layout(*source.format)),
      strips_((source.rows + kLanes - 1) / kLanes),
      strip_bytes_(layout_.strip_bytes(source.columns)),
      source_(source),
      packed_(static_cast<std::size_t>(source.slices)) {}

Result<std::unique_ptr<PackedMatrix>> PackedMatrix::pack(const MatrixSource& source,
                                                         ThreadPool& pool) {
  std::unique_ptr<PackedMatrix> matrix(new PackedMatrix(source));
  auto memory = PageMemory::allocate(matrix->size_bytes());
  if (!memory) return memory.error();
  matrix->memory_ = std::move(*memory);
  if (!source.lasting) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(source.slices));
    std::iota(all.begin(), all.end(), 0);
    if (Status s = matrix->ensure_packed(all, pool); !s) return s.error();
  }
  return matrix;
}

Status PackedMatrix::ensure_packed(std::span<const std::int32_t> slices, ThreadPool& pool) const {
  std::vector<std::int32_t> missing;
  for (const std::int32_t slice : slices) {
    if (!packed_[slice]) missing.push_back(slice);
  }
  const std::int64_t row_bytes = source_.format->size_bytes(columns());
  std::atomic<bool> finite{true};
  pool.parallel_for(static_cast<std::int64_t>(missing.size()) * strips_, [&](std::int64_t i) {
    const std::int64_t slice = missing[i / strips_], index = i % strips_, first = index * kLanes;
    const PackedRows from{source_.format, source_.bytes + (slice * rows() + first) * row_bytes,
                          row_bytes, std::min(kLanes, rows() - first), columns()};
    if (!pack_strip(layout_, from, const_cast<std::uint8_t*>(strip(slice, index)))) finite = false;
  });
  for (const std::int32_t slice : missing) packed_[slice] = true;
  if (!finite) return Error{std::string(formats::kNotFinite)};
  return {};
}

void PackedMatrix::unpack_row(std::int64_t row, float* out) const {
  unpack_lane(layout_, strip(0, row / kLanes), row % kLanes, columns(), out);
}

}  // namespace linnet::cpu
