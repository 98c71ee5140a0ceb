// Products of heads, of which each has its own weight, in one kernel.

#include <algorithm>
#include <array>
#include <utility>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/multiply_heads.cuh"
#include "backend/cuda/overlap.hpp"

namespace linnet::cuda {
namespace {

// Rows for which one kernel pays, and elements of a weight: with more each product is worth a
// kernel that reads weights once for all rows.
constexpr std::int64_t kHeadRows = 16;
constexpr std::int64_t kHeadElements = std::int64_t{1} << 18;

template <Codes kCodes>
void run_heads(Stream& stream, const HeadWeights& weights, std::size_t heads, View in,
               std::int64_t in_step, View out, std::int64_t out_step) {
  const dim3 grid(static_cast<unsigned>((weights.first.rows + kHeadWarps - 1) / kHeadWarps),
                  static_cast<unsigned>(heads), static_cast<unsigned>(in.rows));
  stream.launch(multiply_heads<kCodes>, grid, dim3(kHeadWarps * kWarp), 0, weights, in, in_step,
                out, out_step);
}

// By Codes.
constexpr std::array kRunHeads = {
    run_heads<Codes::kFloat32>, run_heads<Codes::kHalf>,   run_heads<Codes::kBfloat16>,
    run_heads<Codes::kBits8>,   run_heads<Codes::kBits6>,  run_heads<Codes::kBits5>,
    run_heads<Codes::kBits4>,   run_heads<Codes::kTable4>, run_heads<Codes::kBits3>,
    run_heads<Codes::kTable3>,  run_heads<Codes::kBits2>,  run_heads<Codes::kBits1>};

// From the first head to the last.
View around(View first, std::int64_t step, std::int64_t heads) {
  first.columns += step * (heads - 1);
  return first;
}

bool are_alike(const WeightsView& a, const WeightsView& b) {
  return a.layout() == b.layout() && a.columns == b.columns && a.rows == b.rows &&
         a.group_shift == b.group_shift && a.offset == b.offset &&
         a.scale_factor == b.scale_factor && std::ranges::equal(a.table, b.table) &&
         a.high - a.low == b.high - b.low && a.scales - a.low == b.scales - b.low;
}

}  // namespace

// Whether a product of one head waits for those of the other heads, which come next.
bool CudaBackend::postpone_head(View in, std::span<const MatmulOutput> outputs) {
  if (is_deterministic_ || outputs.size() != 1 || in.rows > kHeadRows) return false;
  const MatmulOutput& output = outputs[0];
  const View& out = output.out;
  const WeightsView& w = view_of(*output.weight);
  const bool is_plain = !output.bias && !output.accumulate && output.scale == 1.0f;
  const bool are_heads = in.stride >= 2 * in.columns && out.stride >= 2 * out.columns;
  if (!is_plain || !are_heads || w.rows * w.columns > kHeadElements) return false;
  if (join_heads(in, output)) return true;
  stream_->postpone([this] { multiply_postponed_heads(); });
  heads_ = {in, 0, 0, {output}};
  return true;
}

// Whether it is the next head of those that wait.
bool CudaBackend::join_heads(View in, const MatmulOutput& output) {
  const std::int64_t count = std::ssize(heads_.outputs);
  if (count == 0 || count == HeadWeights::kMost) return false;
  const View first_in = heads_.in, first_out = heads_.outputs[0].out, out = output.out;
  if (!are_alike(view_of(*heads_.outputs[0].weight), view_of(*output.weight)) ||
      in.rows != first_in.rows || in.stride != first_in.stride || out.stride != first_out.stride) {
    return false;
  }
  const std::int64_t in_step = in.data - first_in.data, out_step = out.data - first_out.data;
  if (count == 1) {
    heads_.in_step = in_step;
    heads_.out_step = out_step;
  }
  const bool is_next = in_step == count * heads_.in_step && out_step == count * heads_.out_step &&
                       heads_.in_step > 0 && heads_.out_step >= out.columns &&
                       in_step + in.columns <= in.stride && out_step + out.columns <= out.stride;
  if (!is_next || overlap(around(first_in, heads_.in_step, count + 1),
                          around(first_out, heads_.out_step, count + 1))) {
    return false;
  }
  heads_.outputs.push_back(output);
  return true;
}

void CudaBackend::finish_heads() {
  if (!heads_.outputs.empty()) stream_->run_postponed();
}

void CudaBackend::multiply_postponed_heads() {
  const PostponedHeads all = std::exchange(heads_, {});
  if (all.outputs.size() == 1) return multiply(all.in, all.outputs);
  HeadWeights weights;
  weights.first = view_of(*all.outputs[0].weight);
  std::ranges::transform(all.outputs, weights.bases,
                         [](const MatmulOutput& output) { return view_of(*output.weight).low; });
  kRunHeads[static_cast<std::size_t>(weights.first.codes)](
      *stream_, weights, all.outputs.size(), all.in, all.in_step, all.outputs[0].out, all.out_step);
}

}  // namespace linnet::cuda
