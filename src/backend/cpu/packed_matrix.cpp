#include "backend/cpu/packed_matrix.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "backend/cpu/pack_strip.hpp"

namespace linnet::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

PackedMatrix::PackedMatrix(const MatrixSource& source, const Layout& layout)
    : Matrix(source.columns, source.rows, source.slices),
      layout_(layout),
      strips_((source.rows + kLanes - 1) / kLanes),
      strip_bytes_(layout.strip_bytes(source.columns)) {}

void PackedMatrix::Free::operator()(std::uint8_t* p) const { munmap(p, size); }

Result<std::unique_ptr<PackedMatrix>> PackedMatrix::pack(const MatrixSource& source,
                                                         ThreadPool& pool) {
  std::unique_ptr<PackedMatrix> matrix(new PackedMatrix(source, choose_layout(*source.format)));
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
