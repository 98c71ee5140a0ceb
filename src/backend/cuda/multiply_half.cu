// Products of many rows by a library, from weights unpacked into scratch memory.

#include <algorithm>
#include <array>
#include <utility>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/weights_to_half.cuh"

namespace linnet::cuda {
namespace {

// Of unpacked weights.
constexpr std::int64_t kScratchBytes = std::int64_t{256} << 20;

template <Codes kCodes>
void run_to_half(Stream& stream, const WeightsView& w, std::int64_t first, std::int64_t outputs,
                 std::int64_t columns, std::uint16_t* to) {
  const std::int64_t threads = outputs * (columns / kBlock);
  stream.launch(weights_to_half<kCodes>, dim3(static_cast<unsigned>((threads + 255) / 256)),
                dim3(256), 0, w, first, outputs, columns, to);
}

using RunToHalf = decltype(&run_to_half<Codes::kHalf>);
// By Codes, from kHalf on.
constexpr std::array<RunToHalf, 11> kRunToHalf = {
    run_to_half<Codes::kHalf>,   run_to_half<Codes::kBfloat16>, run_to_half<Codes::kBits8>,
    run_to_half<Codes::kBits6>,  run_to_half<Codes::kBits5>,    run_to_half<Codes::kBits4>,
    run_to_half<Codes::kTable4>, run_to_half<Codes::kBits3>,    run_to_half<Codes::kTable3>,
    run_to_half<Codes::kBits2>,  run_to_half<Codes::kBits1>};

RunToHalf run_to_half_of(Codes codes) {
  return kRunToHalf[static_cast<std::size_t>(codes) - static_cast<std::size_t>(Codes::kHalf)];
}

}  // namespace

bool CudaBackend::multiply_by_cublas_lt(Prepared& x, const MatmulOutput& output) {
  const WeightsView& w = view_of(*output.weight);
  if (std::exchange(seeks_library_, false)) cublas_lt_ = CublasLt::open();
  if (!cublas_lt_ || w.codes == Codes::kFloat32) return false;
  to_half(x, HalfForm::kEvenly);
  const std::int64_t columns = halves_.columns;
  const bool is_ready = w.codes == Codes::kHalf && w.columns == columns;
  const std::int64_t most = std::max<std::int64_t>(kScratchBytes / 2 / columns / 128 * 128, 128);
  const std::int64_t some = is_ready ? w.rows : std::min(most, w.rows);
  auto* factors = library_factors_.take<float>(*stream_, 2);
  HalfProduct product{reinterpret_cast<const std::uint16_t*>(w.low),
                      halves_.values,
                      factors,
                      output.out.data,
                      some,
                      x.in.rows,
                      columns,
                      output.out.stride};
  HalfProduct last = product;
  last.outputs = (w.rows - 1) % some + 1;
  last.out += w.rows - last.outputs;
  if (!cublas_lt_->can(product) || !cublas_lt_->can(last)) return false;
  auto* workspace = library_workspace_.take<std::byte>(
      *stream_, static_cast<std::int64_t>(CublasLt::kWorkspaceBytes));
  auto* unpacked = is_ready ? nullptr : half_weights_.take<std::uint16_t>(*stream_, some * columns);
  stream_->launch(set_factors, dim3(1), dim3(1), 0, halves_.inverses, output.scale * w.half_inverse,
                  output.accumulate, factors);
  for (std::int64_t first = 0; first < w.rows && stream_->status(); first += some) {
    product.outputs = std::min(some, w.rows - first);
    product.out = output.out.data + first;
    if (!is_ready) {
      product.weights = unpacked;
      run_to_half_of(w.codes)(*stream_, w, first, product.outputs, columns, unpacked);
    }
    stream_->send();
    if (!cublas_lt_->multiply(product, workspace, stream_->get())) {
      stream_->fail(Error{"the GPU failed during a product of cuBLASLt"});
    }
  }
  if (!output.bias) return true;
  const dim3 grid(static_cast<unsigned>((w.rows + 255) / 256), grid_rows(x.in.rows));
  stream_->launch(add_bias, grid, dim3(256), 0, output.bias, output.out);
  return true;
}

}  // namespace linnet::cuda
