#include <array>

#include "backend/cuda/few_layouts.hpp"
#include "backend/cuda/kernels/multiply_gated.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

dim3 gated_grid(const Products& both, std::int64_t rows, int rows_a_block) {
  return dim3(static_cast<unsigned>((both.products[1].w.rows + kBlock - 1) / kBlock),
              static_cast<unsigned>((rows + rows_a_block - 1) / rows_a_block));
}

template <class L, int kRows>
void run(Stream& stream, const Products& both, const QuantisedRows& x, std::int64_t rows,
         const SliceChoice& choice, Activation activation, const QuantisedRows& to) {
  stream.launch(multiply_gated<L, kRows>, gated_grid(both, rows, kRows), dim3(kGatedWarps * kWarp),
                0, both, x, rows, choice, activation, to);
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

template <Codes kCodes, int kRows, int kStep>
void run_floats(Stream& stream, const Products& both, View in, std::int64_t rows,
                const SliceChoice& choice, Activation activation, const QuantisedRows& to) {
  stream.launch(multiply_gated_floats<kCodes, kRows, kStep>, gated_grid(both, rows, kRows),
                dim3(kGatedWarps * kWarp), 0, both, in.data, in.stride, rows, choice, activation,
                to);
}

template <Codes kCodes>
void run_gated_floats(Stream& stream, const Products& both, View in, std::int64_t rows,
                      const SliceChoice& choice, Activation activation, const QuantisedRows& to) {
  const bool one = choice.experts || rows == 1;
  const auto run = has_lines(both.products[0].w, in)
                       ? one ? run_floats<kCodes, 1, 8> : run_floats<kCodes, 4, 8>
                   : one ? run_floats<kCodes, 1, 1>
                         : run_floats<kCodes, 4, 1>;
  run(stream, both, in, rows, choice, activation, to);
}

}  // namespace

void multiply_gated_float_rows(Stream& stream, const Products& both, View in, std::int64_t rows,
                               const SliceChoice& choice, Activation activation,
                               const QuantisedRows& to) {
  // By Codes.
  constexpr decltype(&run_gated_floats<Codes::kHalf>) kRun[] = {run_gated_floats<Codes::kFloat32>,
                                                                run_gated_floats<Codes::kHalf>,
                                                                run_gated_floats<Codes::kBfloat16>};
  kRun[static_cast<int>(both.products[0].w.codes)](stream, both, in, rows, choice, activation, to);
}

void multiply_gated_rows(Stream& stream, const Products& both, const QuantisedRows& x,
                         std::int64_t rows, const SliceChoice& choice, Activation activation,
                         const QuantisedRows& to) {
  for (const GatedKernels& kernels : kGatedKernels) {
    if (kernels.layout != both.products[0].w.layout()) continue;
    return kernels.run(stream, both, x, rows, choice, activation, to);
  }
}

}  // namespace linnet::cuda
