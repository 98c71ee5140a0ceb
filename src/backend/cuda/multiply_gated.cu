#include <array>

#include "backend/cuda/few_layouts.hpp"
#include "backend/cuda/kernels/multiply_gated.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

template <class L, int kRows>
void run(Stream& stream, const Products& both, const QuantisedRows& x, std::int64_t rows,
         const SliceChoice& choice, Activation activation, const QuantisedRows& to) {
  const dim3 grid(static_cast<unsigned>((both.products[1].w.rows + kBlock - 1) / kBlock),
                  static_cast<unsigned>((rows + kRows - 1) / kRows));
  stream.launch(multiply_gated<L, kRows>, grid, dim3(kGatedWarps * kWarp), 0, both, x, rows, choice,
                activation, to);
}

template <class L>
void run_gated(Stream& stream, const Products& both, const QuantisedRows& x, std::int64_t rows,
               const SliceChoice& choice, Activation activation, const QuantisedRows& to) {
  const bool one = choice.experts || rows == 1;
  (one         ? run<L, 1>
   : rows == 2 ? run<L, 2>
               : run<L, 4>)(stream, both, x, rows, choice, activation, to);
}

struct GatedKernels {
  Layout layout;
  decltype(&run_gated<LayoutOf<Codes::kBits8, Scales::kHalf, false, false>>) run;
};

template <class... L>
constexpr std::array<GatedKernels, sizeof...(L)> gated_kernels(LayoutList<L...>) {
  return {{{L::value, run_gated<L>}...}};
}

constexpr auto kGatedKernels = gated_kernels(FewLayouts());

}  // namespace

void multiply_gated_rows(Stream& stream, const Products& both, const QuantisedRows& x,
                         std::int64_t rows, const SliceChoice& choice, Activation activation,
                         const QuantisedRows& to) {
  for (const GatedKernels& kernels : kGatedKernels) {
    if (kernels.layout != both.products[0].w.layout()) continue;
    return kernels.run(stream, both, x, rows, choice, activation, to);
  }
}

}  // namespace linnet::cuda
