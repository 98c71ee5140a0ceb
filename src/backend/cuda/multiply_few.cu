#include <array>

#include "backend/cuda/kernels/multiply_few.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

dim3 few_grid(const Products& all, std::int64_t rows, int rows_a_block) {
  return dim3(all.firsts[all.count],
              static_cast<unsigned>((rows + rows_a_block - 1) / rows_a_block));
}

template <class L, int kRows>
void run(Stream& stream, const Products& all, const QuantisedRows& x, std::int64_t rows,
         const SliceChoice& choice) {
  stream.launch(multiply_few<L, kRows>, few_grid(all, rows, kRows), dim3(kFewWarps * kWarp), 0, all,
                x, rows, choice);
}

template <class L>
void run_few(Stream& stream, const Products& all, const QuantisedRows& x, std::int64_t rows,
             const SliceChoice& choice) {
  if (choice.experts || rows == 1) return run<L, 1>(stream, all, x, rows, choice);
  if (rows == 2) return run<L, 2>(stream, all, x, rows, choice);
  run<L, 4>(stream, all, x, rows, choice);
}

// The kernels of each layout that pack_weights makes.
struct FewKernels {
  Layout layout;
  void (*run)(Stream&, const Products&, const QuantisedRows&, std::int64_t, const SliceChoice&);
};

template <class... Layouts>
constexpr std::array<FewKernels, sizeof...(Layouts)> few_kernels() {
  return {{{Layouts::value, run_few<Layouts>}...}};
}

constexpr auto kFewKernels =
    few_kernels<LayoutOf<Codes::kBits8, Scales::kHalf, false, false>,       // Q8_0
                LayoutOf<Codes::kBits6, Scales::kSuper, false, true>,       // Q6_K
                LayoutOf<Codes::kBits5, Scales::kHalf, false, false>,       // Q5_0
                LayoutOf<Codes::kBits5, Scales::kHalf, true, false>,        // Q5_1
                LayoutOf<Codes::kBits5, Scales::kSuper, true, false>,       // Q5_K
                LayoutOf<Codes::kBits4, Scales::kHalf, false, false>,       // Q4_0
                LayoutOf<Codes::kBits4, Scales::kHalf, true, false>,        // Q4_1
                LayoutOf<Codes::kBits4, Scales::kSuper, true, false>,       // Q4_K
                LayoutOf<Codes::kTable4, Scales::kHalf, false, false>,      // IQ4_NL
                LayoutOf<Codes::kTable4, Scales::kHalf, false, true>,       // NVFP4
                LayoutOf<Codes::kTable4, Scales::kSuper, false, false>,     // IQ4_XS, IQ2_XXS ...
                LayoutOf<Codes::kTable4, Scales::kBfloat16, false, false>,  // MXFP4
                LayoutOf<Codes::kBits3, Scales::kSuper, false, true>,       // Q3_K
                LayoutOf<Codes::kTable3, Scales::kSuper, false, false>,     // IQ3_XXS ...
                LayoutOf<Codes::kTable3, Scales::kSuper, false, true>,      // IQ2_XS ...
                LayoutOf<Codes::kBits2, Scales::kSuper, true, true>,        // Q2_K
                LayoutOf<Codes::kBits2, Scales::kHalf, false, false>,       // TQ1_0, TQ2_0
                LayoutOf<Codes::kBits1, Scales::kHalf, false, false>>();    // Q1_0

template <Codes kCodes, int kRows, int kStep>
void run_floats(Stream& stream, const Products& all, View in, std::int64_t rows,
                const SliceChoice& choice) {
  stream.launch(multiply_few_floats<kCodes, kRows, kStep>, few_grid(all, rows, kRows),
                dim3(kFewWarps * kWarp), 0, all, in.data, in.stride, rows, choice);
}

template <Codes kCodes>
void run_few_floats(Stream& stream, const Products& all, View in, std::int64_t rows,
                    const SliceChoice& choice) {
  const bool one = choice.experts || rows == 1;
  const bool lines = all.products[0].w.columns % 8 == 0 && in.stride % 4 == 0 &&
                     reinterpret_cast<std::uintptr_t>(in.data) % 16 == 0;
  if (!lines) {
    if (one) return run_floats<kCodes, 1, 1>(stream, all, in, rows, choice);
    return run_floats<kCodes, 4, 1>(stream, all, in, rows, choice);
  }
  if (one) return run_floats<kCodes, 1, 8>(stream, all, in, rows, choice);
  run_floats<kCodes, 4, 8>(stream, all, in, rows, choice);
}

}  // namespace

bool join(const Product& product, Products& all) {
  if (all.count == Products::kMost) return false;
  if (all.count > 0 && all.products[0].w.layout() != product.w.layout()) return false;
  constexpr std::int64_t kOutputs = kFewOutputs * kFewWarps;
  all.products[all.count++] = product;
  all.firsts[all.count] =
      all.firsts[all.count - 1] + static_cast<unsigned>((product.w.rows + kOutputs - 1) / kOutputs);
  return true;
}

void multiply_few_quantised_rows(Stream& stream, const Products& all, const QuantisedRows& x,
                                 std::int64_t rows, const SliceChoice& choice) {
  for (const FewKernels& kernels : kFewKernels) {
    if (kernels.layout != all.products[0].w.layout()) continue;
    return kernels.run(stream, all, x, rows, choice);
  }
}

void multiply_few_float_rows(Stream& stream, const Products& all, View in, std::int64_t rows,
                             const SliceChoice& choice) {
  constexpr decltype(&run_few_floats<Codes::kHalf>) kRun[] = {run_few_floats<Codes::kFloat32>,
                                                              run_few_floats<Codes::kHalf>,
                                                              run_few_floats<Codes::kBfloat16>};
  kRun[static_cast<int>(all.products[0].w.codes)](stream, all, in, rows, choice);
}

}  // namespace linnet::cuda
