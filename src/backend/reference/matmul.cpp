#include <algorithm>
#include <cstring>

#include "backend/reference/reference_backend.hpp"

namespace linnet::reference {
namespace {

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) sum += double{a[i]} * b[i];
  return sum;
}

void multiply(View in, const MatmulOutput& output) {
  const auto& weight = static_cast<const PackedMatrix&>(*output.weight);
  std::vector<float> weight_row(weight.columns());
  for (std::int64_t o = 0; o < weight.rows(); ++o) {
    weight.row(0, o, weight_row.data());
    for (std::int64_t r = 0; r < in.rows; ++r) {
      double value = dot(in.row(r), weight_row.data(), weight.columns()) * output.scale;
      if (output.bias) value += output.bias[o];
      if (output.accumulate) value += output.out.row(r)[o];
      output.out.row(r)[o] = static_cast<float>(value);
    }
  }
}

}  // namespace

void ReferenceBackend::embed_rows(const Matrix& table, std::span<const std::int32_t> ids,
                                  View out) {
  for (std::size_t r = 0; r < ids.size(); ++r) {
    static_cast<const PackedMatrix&>(table).row(0, ids[r], out.row(r));
  }
}

void ReferenceBackend::gather_rows(View in, std::span<const std::int32_t> rows, View out) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(out.row(i), in.row(rows[i]), sizeof(float) * in.columns);
  }
}

void ReferenceBackend::matmul(View in, std::span<const MatmulOutput> outputs) {
  for (const MatmulOutput& output : outputs) multiply(in, output);
}

void ReferenceBackend::expert_matmul(View in, const Matrix& matrix, const float* scale,
                                     const float* bias, const Routing& routing, View out) {
  const auto& weight = static_cast<const PackedMatrix&>(matrix);
  std::vector<float> weight_row(weight.columns());
  const std::int64_t picks = routing.rows * routing.used;
  for (std::int64_t pick = 0; pick < picks; ++pick) {
    const float* x = in.row(in.rows == picks ? pick : pick / routing.used);
    const std::int32_t expert = routing.experts[pick];
    for (std::int64_t o = 0; o < weight.rows(); ++o) {
      weight.row(expert, o, weight_row.data());
      double value = dot(x, weight_row.data(), weight.columns());
      if (scale) value *= scale[expert];
      if (bias) value += bias[expert * weight.rows() + o];
      out.row(pick)[o] = static_cast<float>(value);
    }
  }
}

void ReferenceBackend::combine_experts(View in, const Routing& routing, View out) {
  for (std::int64_t r = 0; r < routing.rows; ++r) {
    for (std::int64_t c = 0; c < out.columns; ++c) {
      double sum = out.row(r)[c];
      for (int i = 0; i < routing.used; ++i) {
        const std::int64_t pick = r * routing.used + i;
        sum += double{routing.weights[pick]} * in.row(pick)[c];
      }
      out.row(r)[c] = static_cast<float>(sum);
    }
  }
}

}  // namespace linnet::reference
