#include "backend/cpu/packed_matrix.hpp"

#include <algorithm>

#include "backend/cpu/pack_strip.hpp"

namespace linnet::cpu {
PackedMatrix::PackedMatrix(const MatrixSource& source, const Layout& layout)
    : Matrix(source.columns, source.rows, source.slices),
      layout_(layout),
      strips_((source.rows + kLanes - 1) / kLanes),
      strip_bytes_(layout.strip_bytes(source.columns)) {}

Result<std::unique_ptr<PackedMatrix>> PackedMatrix::pack(const MatrixSource& source,
                                                         ThreadPool& pool) {
  std::unique_ptr<PackedMatrix> matrix(new PackedMatrix(source, choose_layout(*source.format)));
  auto memory = PageMemory::allocate(matrix->size_bytes());
  if (!memory) return memory.error();
  matrix->memory_ = std::move(*memory);

  const std::int64_t row_bytes = source.format->size_bytes(source.columns);
  pool.parallel_for(source.slices * matrix->strips_, [&](std::int64_t i) {
    const std::int64_t slice = i / matrix->strips_, index = i % matrix->strips_;
    const std::int64_t first = index * kLanes;
    const PackedRows rows{source.format, source.bytes + (slice * source.rows + first) * row_bytes,
                          row_bytes, std::min(kLanes, source.rows - first), source.columns};
    pack_strip(matrix->layout_, rows, const_cast<std::uint8_t*>(matrix->strip(slice, index)));
  });
  return matrix;
}

void PackedMatrix::unpack_row(std::int64_t row, float* out) const {
  unpack_lane(layout_, strip(0, row / kLanes), row % kLanes, columns(), out);
}

}  // namespace linnet::cpu
