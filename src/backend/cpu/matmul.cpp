#include <algorithm>
#include <array>
#include <numeric>

#include "backend/cpu/cpu_backend.hpp"

namespace linnet::cpu {
namespace {

// Activation rows that go through a strip of weights while it is in the cache.
constexpr std::int64_t kChunkRows = 64;

const PackedMatrix& packed(const Matrix& matrix) {
  return static_cast<const PackedMatrix&>(matrix);
}

// Sixteen products of a row become sixteen outputs.
struct Epilogue {
  float scale;
  const float* bias;  // of the strip's first output, or null
  bool accumulate;

  void operator()(const float* products, std::int64_t count, float* out) const {
    for (std::int64_t i = 0; i < count; ++i) {
      float value = products[i] * scale;
      if (bias) value += bias[i];
      out[i] = accumulate ? out[i] + value : value;
    }
  }
};

}  // namespace

Activations CpuBackend::prepare(View in, bool quantised) {
  Activations activations{in.data, in.stride, in.columns, nullptr, nullptr, nullptr};
  if (!quantised) return activations;
  codes_.resize(std::max<std::size_t>(codes_.size(), in.rows * in.columns));
  scales_.resize(std::max<std::size_t>(scales_.size(), in.rows * in.columns / 32));
  sums_.resize(std::max<std::size_t>(sums_.size(), in.rows * in.columns / 16));
  activations.codes = codes_.data();
  activations.scales = scales_.data();
  activations.sums = sums_.data();
  for_rows(in.rows, in.columns, [&](std::int64_t r) { kernels_.quantise_row(activations, r); });
  return activations;
}

void CpuBackend::matmul(View in, std::span<const MatmulOutput> outputs) {
  const bool quantised = std::any_of(outputs.begin(), outputs.end(), [](const MatmulOutput& o) {
    return !packed(*o.weight).layout().is_float();
  });
  const Activations activations = prepare(in, quantised);
  row_ids_.resize(static_cast<std::size_t>(in.rows));
  std::iota(row_ids_.begin(), row_ids_.end(), 0);

  std::int64_t strips = 0;
  for (const MatmulOutput& output : outputs) strips += packed(*output.weight).strips();
  pool_.parallel_for(strips, [&](std::int64_t strip) {
    const MatmulOutput* output = outputs.data();
    while (strip >= packed(*output->weight).strips()) {
      strip -= packed(*output->weight).strips();
      ++output;
    }
    const PackedMatrix& weight = packed(*output->weight);
    const std::int64_t first = strip * kLanes;
    const std::int64_t lanes = std::min(kLanes, weight.rows() - first);
    const Epilogue epilogue{output->scale, output->bias ? output->bias + first : nullptr,
                            output->accumulate};
    std::array<float, kChunkRows * kLanes> products;
    for (std::int64_t r = 0; r < in.rows; r += kChunkRows) {
      const std::int64_t rows = std::min(kChunkRows, in.rows - r);
      kernels_.multiply_strip(weight.layout(), weight.strip(0, strip), activations,
                              row_ids_.data() + r, rows, products.data());
      for (std::int64_t i = 0; i < rows; ++i) {
        epilogue(products.data() + i * kLanes, lanes, output->out.row(r + i) + first);
      }
    }
  });
}

void CpuBackend::expert_matmul(View in, const Matrix& matrix, const float* scale, const float* bias,
                               const Routing& routing, View out) {
  const PackedMatrix& weight = packed(matrix);
  const std::int64_t picks = routing.rows * routing.used;
  const bool row_a_pick = in.rows == picks;
  const Activations activations = prepare(in, !weight.layout().is_float());

  // The picks of each expert, one expert after the other; `ends[e]` is where those of expert e end.
  std::vector<std::int32_t> ends(static_cast<std::size_t>(weight.slices()), 0);
  for (std::int64_t p = 0; p < picks; ++p) ++ends[routing.experts[p]];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<std::int32_t> order(static_cast<std::size_t>(picks));
  row_ids_.resize(static_cast<std::size_t>(picks));
  std::vector<std::int32_t> next(ends.begin(), ends.end());
  for (std::int64_t p = picks - 1; p >= 0; --p) {
    const std::int32_t at = --next[routing.experts[p]];
    order[at] = static_cast<std::int32_t>(p);
    row_ids_[at] = static_cast<std::int32_t>(row_a_pick ? p : p / routing.used);
  }
  std::vector<std::int32_t> used;
  for (std::int32_t e = 0; e < weight.slices(); ++e) {
    if (next[e] < ends[e]) used.push_back(e);
  }

  pool_.parallel_for(
      static_cast<std::int64_t>(used.size()) * weight.strips(), [&](std::int64_t task) {
        const std::int32_t expert = used[task / weight.strips()];
        const std::int64_t strip = task % weight.strips();
        const std::int64_t first = strip * kLanes;
        const std::int64_t lanes = std::min(kLanes, weight.rows() - first);
        const Epilogue epilogue{scale ? scale[expert] : 1.0f,
                                bias ? bias + expert * weight.rows() + first : nullptr, false};
        std::array<float, kChunkRows * kLanes> products;
        for (std::int64_t p = next[expert]; p < ends[expert]; p += kChunkRows) {
          const std::int64_t rows = std::min(kChunkRows, ends[expert] - p);
          kernels_.multiply_strip(weight.layout(), weight.strip(expert, strip), activations,
                                  row_ids_.data() + p, rows, products.data());
          for (std::int64_t i = 0; i < rows; ++i) {
            epilogue(products.data() + i * kLanes, lanes, out.row(order[p + i]) + first);
          }
        }
      });
}

}  // namespace linnet::cpu
