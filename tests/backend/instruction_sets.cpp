#include "backend/instruction_sets.hpp"

#include "backend/cpu/cpu_backend.hpp"
#include "backend/cpu/kernels/region.hpp"
#include "backend/cpu/kernels/table.hpp"
#include "backend/cpu/simd/scalar.hpp"

namespace linnet::cpu {
namespace {

// What TileRegisters is to avx512_amx.
class PlainTiles {
 public:
  static constexpr int kRows = 16;
  explicit PlainTiles(int inputs) : inputs_(inputs) {}
  void multiply(const std::int8_t* a, std::int64_t stride, const std::uint8_t* b,
                std::int32_t* sums) const {
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kRows; ++column) {
        std::int32_t& sum = sums[row * kRows + column];
        sum = 0;
        for (int i = 0; i < inputs_; ++i) {
          sum += a[row * stride + i] * static_cast<std::int8_t>(b[i / 4 * 64 + column * 4 + i % 4]);
        }
      }
    }
  }

 private:
  int inputs_;
};

struct TiledScalar : Scalar {
  static constexpr const char* kName = "tiled scalar";
  static constexpr bool kHasTileRegisters = true;
  static constexpr int kTileStrips = 2;
  using Tiles = PlainTiles;

  static Dot load_dot(const std::int32_t* p) {
    Dot r;
    std::copy_n(p, r.size(), r.begin());
    return r;
  }
  static Bytes subtract_from_bytes(Bytes x, int number) {
    for (std::uint8_t& byte : x) byte = static_cast<std::uint8_t>(byte - number);
    return x;
  }
};

}  // namespace
}  // namespace linnet::cpu

namespace linnet::test {

std::vector<std::string_view> instruction_sets() {
  std::vector<std::string_view> sets = cpu_instruction_sets();
  sets.push_back(cpu::TiledScalar::kName);
  return sets;
}

std::unique_ptr<Backend> make_backend(int threads, std::string_view set) {
  if (set != cpu::TiledScalar::kName) return make_cpu_backend(threads, set);
  return std::make_unique<cpu::CpuBackend>(threads, cpu::kernel_table<cpu::TiledScalar>());
}

}  // namespace linnet::test
