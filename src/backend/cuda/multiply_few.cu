#include <array>

#include "backend/cuda/few_layouts.hpp"
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

struct FewKernels {
  Layout layout;
  void (*run)(Stream&, const Products&, const QuantisedRows&, std::int64_t, const SliceChoice&);
};

template <class... L>
constexpr std::array<FewKernels, sizeof...(L)> few_kernels(LayoutList<L...>) {
  return {{{L::value, run_few<L>}...}};
}

constexpr auto kFewKernels = few_kernels(FewLayouts());

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
  if (!has_lines(all.products[0].w, in)) {
    if (one) return run_floats<kCodes, 1, 1>(stream, all, in, rows, choice);
    return run_floats<kCodes, 4, 1>(stream, all, in, rows, choice);
  }
  if (one) return run_floats<kCodes, 1, 8>(stream, all, in, rows, choice);
  run_floats<kCodes, 4, 8>(stream, all, in, rows, choice);
}

}  // namespace

bool join(const Product& product, int outputs, Products& all) {
  if (all.count == Products::kMost) return false;
  if (all.count > 0 && all.products[0].w.layout() != product.w.layout()) return false;
  all.products[all.count++] = product;
  all.firsts[all.count] =
      all.firsts[all.count - 1] + static_cast<unsigned>((product.w.rows + outputs - 1) / outputs);
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
