#include <algorithm>
#include <array>

#include "backend/cuda/few_layouts.hpp"
#include "backend/cuda/kernels/multiply_warpgroups.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

__global__ void find_wgmma(std::int32_t* found) {
  wait_for_previous_kernel();
  *found = has_wgmma() ? 1 : 0;
}

template <class L, int kRows>
void run(Stream& stream, const Products& all, const HalfRows& x, std::int64_t rows,
         const RowTiles& tiles, const TileGrid& grid, const Partial& partial) {
  const dim3 blocks(all.firsts[all.count], static_cast<unsigned>(grid.tiles),
                    static_cast<unsigned>(grid.splits));
  constexpr std::size_t kBytes = WarpgroupTile<L, kRows>::kMemoryBytes;
  stream.allow_shared_bytes(multiply_warpgroups<L, kRows>, kBytes);
  stream.launch(multiply_warpgroups<L, kRows>, blocks, dim3(kTileThreads), kBytes, all, x, rows,
                tiles, partial);
}

using Run = decltype(&run<LayoutOf<Codes::kBits8, Scales::kHalf, false, false>, 32>);

struct Kernels {
  Layout layout;
  Run run[kWarpgroupTiles.size()];  // by tile
};

template <class L>
constexpr Kernels kKernelsOf = {L::value, {run<L, 32>, run<L, 64>, run<L, 128>, run<L, 256>}};

template <class... L>
constexpr std::array<Kernels, sizeof...(L) + 2> kernels_of(LayoutList<L...>) {
  return {{kKernelsOf<L>..., kKernelsOf<LayoutOf<Codes::kHalf, Scales::kNone, false, false>>,
           kKernelsOf<LayoutOf<Codes::kBfloat16, Scales::kNone, false, false>>}};
}

constexpr auto kKernels = kernels_of(FewLayouts());

}  // namespace

bool has_warpgroups(Stream& stream) {
  Scratch memory;
  std::int32_t found = 0;
  auto* to = memory.take<std::int32_t>(stream, 1);
  stream.launch(find_wgmma, dim3(1), dim3(1), 0, to);
  stream.download(to, sizeof found, &found);
  return found == 1;
}

void multiply_by_warpgroups(Stream& stream, const Products& all, const HalfRows& x,
                            std::int64_t rows, const RowTiles& tiles, const TileGrid& grid,
                            const Partial& partial) {
  const auto tile = std::ranges::find(kWarpgroupTiles, grid.tile_rows) - kWarpgroupTiles.begin();
  for (const Kernels& kernels : kKernels) {
    if (kernels.layout != all.products[0].w.layout()) continue;
    kernels.run[tile](stream, all, x, rows, tiles, grid, partial);
  }
  add_parts_of(stream, all, x, rows, grid, partial);
}

}  // namespace linnet::cuda
