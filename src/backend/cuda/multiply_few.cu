#include <array>

#include "backend/cuda/kernels/multiply_few.cuh"
#include "backend/cuda/multiply.hpp"

namespace linnet::cuda {
namespace {

dim3 few_grid(const WeightsView& w, std::int64_t rows, int rows_a_block) {
  const std::int64_t outputs = kFewOutputs * kFewWarps;
  return dim3(static_cast<unsigned>((w.rows + outputs - 1) / outputs),
              static_cast<unsigned>((rows + rows_a_block - 1) / rows_a_block));
}

template <Codes kCodes, int kRows>
void run(Stream& stream, const WeightsView& w, const QuantisedRows& x, std::int64_t rows,
         const SliceChoice& choice, const Epilogue& epilogue) {
  stream.launch(multiply_few<kCodes, kRows>, few_grid(w, rows, kRows), dim3(kFewWarps * kWarp), 0,
                w, x, rows, choice, epilogue);
}

template <Codes kCodes>
void run_few(Stream& stream, const WeightsView& w, const QuantisedRows& x, std::int64_t rows,
             const SliceChoice& choice, const Epilogue& epilogue) {
  if (choice.experts || rows == 1) return run<kCodes, 1>(stream, w, x, rows, choice, epilogue);
  if (rows == 2) return run<kCodes, 2>(stream, w, x, rows, choice, epilogue);
  run<kCodes, 4>(stream, w, x, rows, choice, epilogue);
}

using RunFew = decltype(&run_few<Codes::kBits8>);
// By Codes, from kBits8 on.
constexpr std::array<RunFew, 9> kRunFew = {
    run_few<Codes::kBits8>,  run_few<Codes::kBits6>,  run_few<Codes::kBits5>,
    run_few<Codes::kBits4>,  run_few<Codes::kTable4>, run_few<Codes::kBits3>,
    run_few<Codes::kTable3>, run_few<Codes::kBits2>,  run_few<Codes::kBits1>};

template <Codes kCodes, int kRows, int kStep>
void run_floats(Stream& stream, const WeightsView& w, const float* in, std::int64_t stride,
                std::int64_t rows, const SliceChoice& choice, const Epilogue& epilogue) {
  stream.launch(multiply_few_floats<kCodes, kRows, kStep>, few_grid(w, rows, kRows),
                dim3(kFewWarps * kWarp), 0, w, in, stride, rows, choice, epilogue);
}

template <Codes kCodes>
void run_few_floats(Stream& stream, const WeightsView& w, const float* in, std::int64_t stride,
                    std::int64_t rows, const SliceChoice& choice, const Epilogue& epilogue) {
  const bool one = choice.experts || rows == 1;
  if (w.columns % 8 != 0) {
    if (one) return run_floats<kCodes, 1, 1>(stream, w, in, stride, rows, choice, epilogue);
    return run_floats<kCodes, 4, 1>(stream, w, in, stride, rows, choice, epilogue);
  }
  if (one) return run_floats<kCodes, 1, 8>(stream, w, in, stride, rows, choice, epilogue);
  run_floats<kCodes, 4, 8>(stream, w, in, stride, rows, choice, epilogue);
}

}  // namespace

void multiply_few_quantised_rows(Stream& stream, const WeightsView& w, const QuantisedRows& x,
                                 std::int64_t rows, const SliceChoice& choice,
                                 const Epilogue& epilogue) {
  kRunFew[static_cast<std::size_t>(w.codes) - static_cast<std::size_t>(Codes::kBits8)](
      stream, w, x, rows, choice, epilogue);
}

void multiply_few_float_rows(Stream& stream, const WeightsView& w, const float* in,
                             std::int64_t stride, std::int64_t rows, const SliceChoice& choice,
                             const Epilogue& epilogue) {
  constexpr decltype(&run_few_floats<Codes::kHalf>) kRun[] = {run_few_floats<Codes::kFloat32>,
                                                              run_few_floats<Codes::kHalf>,
                                                              run_few_floats<Codes::kBfloat16>};
  kRun[static_cast<int>(w.codes)](stream, w, in, stride, rows, choice, epilogue);
}

}  // namespace linnet::cuda
