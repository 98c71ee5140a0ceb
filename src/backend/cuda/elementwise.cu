// Operations on the elements of rows: activations, sums, copies.

#include <algorithm>

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/rows.cuh"

namespace linnet::cuda {
namespace {

dim3 element_grid(std::int64_t rows, std::int64_t columns) {
  return dim3(static_cast<unsigned>((columns + kElementThreads - 1) / kElementThreads),
              grid_rows(rows));
}

template <Codes kCodes>
void embed(Stream& stream, const WeightsView& w, const std::int32_t* ids, View out) {
  const dim3 grid(static_cast<unsigned>(out.rows));
  if constexpr (is_float(kCodes)) {
    stream.launch(embed_floats<kCodes>, grid, dim3(256), 0, w, ids, out);
  } else {
    stream.launch(embed_codes<kCodes>, grid, dim3(256), 0, w, ids, out);
  }
}

using Embed = void (*)(Stream&, const WeightsView&, const std::int32_t*, View);
constexpr Embed kEmbed[] = {embed<Codes::kFloat32>, embed<Codes::kHalf>,   embed<Codes::kBfloat16>,
                            embed<Codes::kBits8>,   embed<Codes::kBits6>,  embed<Codes::kBits5>,
                            embed<Codes::kBits4>,   embed<Codes::kTable4>, embed<Codes::kBits3>,
                            embed<Codes::kTable3>,  embed<Codes::kBits2>,  embed<Codes::kBits1>};

}  // namespace

template <class Body>
void CudaBackend::for_each(std::int64_t rows, std::int64_t columns, Body body) {
  stream_->launch(for_elements<Body>, element_grid(rows, columns), dim3(kElementThreads), 0, rows,
                  columns, body);
}

void CudaBackend::embed_rows(const Matrix& table, std::span<const std::int32_t> ids, View out) {
  const WeightsView& w = view_of(table);
  const auto* device_ids = ids_.of(*stream_, ids);
  if (device_ids) kEmbed[static_cast<int>(w.codes)](*stream_, w, device_ids, out);
}

void CudaBackend::gather_rows(View in, std::span<const std::int32_t> rows, View out) {
  const auto* from = rows_.of(*stream_, rows);
  if (!from) return;
  for_each(static_cast<std::int64_t>(rows.size()), in.columns,
           [=] __device__(std::int64_t r, std::int64_t c) {
             out.data[r * out.stride + c] = in.data[from[r] * in.stride + c];
           });
}

void CudaBackend::gated_activation(View gate, View up, Activation activation, View out) {
  const HalfRows halves = room_for_halves(out);
  if (halves.values) {
    stream_->launch(activate_to_half, dim3(static_cast<unsigned>(out.rows)), dim3(kRowThreads), 0,
                    gate, up, activation, out, halves);
    return remember(out, {{}, halves});
  }
  const QuantisedRows quantised = room_for_quantised(out);
  stream_->launch(activate_rows, element_grid(gate.rows, gate.columns), dim3(kElementThreads), 0,
                  gate, up, activation, out, quantised);
  remember(out, {quantised, {}});
}

void CudaBackend::add_scaled(View x, float scale, float out_scale, View out) {
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    float* to = out.data + r * out.stride + c;
    *to = *to * out_scale + x.data[r * x.stride + c] * scale;
  });
}

void CudaBackend::multiply_gate(View gate, Activation activation, View x) {
  const std::int64_t repeat = x.columns / gate.columns;
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    x.data[r * x.stride + c] *= activate(activation, gate.data[r * gate.stride + c / repeat]);
  });
}

void CudaBackend::softcap(View x, float cap) {
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    float* to = x.data + r * x.stride + c;
    *to = cap * tanhf(*to / cap);
  });
}

void CudaBackend::scale(View x, float factor) {
  for_each(x.rows, x.columns,
           [=] __device__(std::int64_t r, std::int64_t c) { x.data[r * x.stride + c] *= factor; });
}

void CudaBackend::scale_rows(View x, const float* factors) {
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    x.data[r * x.stride + c] *= factors[r];
  });
}

void CudaBackend::clamp(View x, float least, float most) {
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    float* to = x.data + r * x.stride + c;
    *to = fminf(fmaxf(*to, least), most);
  });
}

void CudaBackend::cut_below(View x, float deviations) {
  stream_->launch(cut_rows_below, dim3(static_cast<unsigned>(x.rows)), dim3(256), 0, x, deviations);
}

void CudaBackend::copy(View from, View to) {
  for_each(from.rows, from.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    to.data[r * to.stride + c] = from.data[r * from.stride + c];
  });
}

void CudaBackend::fill(View x, float value) {
  for_each(x.rows, x.columns,
           [=] __device__(std::int64_t r, std::int64_t c) { x.data[r * x.stride + c] = value; });
}

void CudaBackend::group_experts(int size, const Routing& routing) {
  grouping_ = {};
  std::int32_t* experts = routing.experts;
  for_each(1, routing.rows * routing.used,
           [=] __device__(std::int64_t, std::int64_t c) { experts[c] /= size; });
}

void CudaBackend::combine_experts(View in, const Routing& routing, View out) {
  const float* weights = routing.weights;
  const int used = routing.used;
  for_each(routing.rows, out.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    float sum = out.data[r * out.stride + c];
    for (int i = 0; i < used; ++i) {
      sum += weights[r * used + i] * in.data[(r * used + i) * in.stride + c];
    }
    out.data[r * out.stride + c] = sum;
  });
}

void CudaBackend::decay(View x, const DecayParams& params, View out) {
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    float* from = x.data + r * x.stride + c;
    const float sum = *from + (params.bias ? params.bias[c] : 0.0f);
    float exponent = 0.0f;
    switch (params.kind) {
      case DecayKind::kSoftplus:
        *from = softplus(sum);
        exponent = params.rate[c] * *from;
        break;
      case DecayKind::kExponential:
        exponent = -expf(sum);
        break;
      case DecayKind::kSigmoid:
        exponent = -0.60653066f * sigmoid(sum);  // exp(-1/2)
        break;
    }
    out.data[r * out.stride + c] = expf(exponent);
  });
}

void CudaBackend::mix_shifted(View x, View shift, const float* weight, View mix, View out) {
  for_each(x.rows, x.columns, [=] __device__(std::int64_t r, std::int64_t c) {
    float share = weight ? weight[c] : 0.0f;
    if (mix.data) share += mix.data[r * mix.stride + c];
    out.data[r * out.stride + c] =
        x.data[r * x.stride + c] + shift.data[r * shift.stride + c] * share;
  });
}

void CudaBackend::dot_heads(View a, View b, const float* weight, View out) {
  const dim3 grid(static_cast<unsigned>(out.columns), grid_rows(a.rows));
  stream_->launch(dot_head_rows, grid, dim3(kWarp), 0, a, b, weight, out);
}

}  // namespace linnet::cuda
