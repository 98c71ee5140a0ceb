#include "backend/cpu/cpu_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/kv_store.hpp"
#include "backend/cut_row_below.hpp"
#include "backend/route_experts.hpp"
#include "backend/visible_keys.hpp"
#include "base/checked.hpp"
#include "base/machine.hpp"
#include "base/page_memory.hpp"

namespace linnet {

std::unique_ptr<Backend> make_cpu_backend(int threads, std::string_view instruction_set) {
  return std::make_unique<cpu::CpuBackend>(threads, cpu::choose_kernels(instruction_set));
}

namespace cpu {
namespace {

class PageBuffer final : public Buffer {
 public:
  explicit PageBuffer(PageMemory memory) : memory_(std::move(memory)) {
    data_ = reinterpret_cast<float*>(memory_.data());
    size_ = memory_.size_bytes() / static_cast<std::int64_t>(sizeof(float));
  }

 private:
  PageMemory memory_;
};

const PackedMatrix& packed(const Matrix& matrix) {
  return static_cast<const PackedMatrix&>(matrix);
}

}  // namespace

Result<std::unique_ptr<Buffer>> CpuBackend::allocate(std::int64_t floats) {
  // Pages are given only when they are written to, and then it is too late for an Error.
  constexpr std::int64_t kSmall = std::int64_t{256} << 20;
  const std::int64_t bytes = saturating_multiply(floats, sizeof(float));
  const std::int64_t available = bytes > kSmall ? available_memory_bytes() : 0;
  if (available > 0 && bytes > available) {
    return Error{fmt::format("out of memory: {} bytes were asked for, but only {} are available",
                             bytes, available)};
  }
  auto memory = PageMemory::allocate(bytes);
  if (!memory) return memory.error();
  return std::unique_ptr<Buffer>(std::make_unique<PageBuffer>(std::move(*memory)));
}

Result<std::unique_ptr<Matrix>> CpuBackend::upload(const MatrixSource& source) {
  auto matrix = PackedMatrix::pack(source, pool_);
  if (!matrix) return matrix.error();
  return std::unique_ptr<Matrix>(std::move(*matrix));
}

Result<std::unique_ptr<KvStore>> CpuBackend::make_kv_store(const KvShape& shape) {
  for (std::size_t i = 0; i < shape.layers.size(); ++i) {
    const int width = std::max(shape.layers[i].key_width, shape.layers[i].value_width);
    if (width > kWidestHead) {
      return Error{
          fmt::format("layer {} of the KV cache has heads of {} columns, expected at most the {} "
                      "that the CPU backend computes",
                      i, width, kWidestHead)};
    }
  }
  return PagedKvStore::make(shape);
}

void CpuBackend::upload(std::span<const float> from, float* to) {
  std::memcpy(to, from.data(), from.size_bytes());
}

void CpuBackend::upload(std::span<const std::int32_t> from, std::int32_t* to) {
  std::memcpy(to, from.data(), from.size_bytes());
}

void CpuBackend::download(const View& from, float* to) {
  for (std::int64_t r = 0; r < from.rows; ++r) {
    std::memcpy(to + r * from.columns, from.row(r), sizeof(float) * from.columns);
  }
}

void CpuBackend::embed_rows(const Matrix& table, std::span<const std::int32_t> ids, View out) {
  for_rows(out.rows, out.columns,
           [&](std::int64_t r) { packed(table).unpack_row(ids[r], out.row(r)); });
}

void CpuBackend::gather_rows(View in, std::span<const std::int32_t> rows, View out) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::memcpy(out.row(i), in.row(rows[i]), sizeof(float) * in.columns);
  }
}

void CpuBackend::route_experts(View logits, const RouteParams& params, const Routing& out) {
  for_rows(logits.rows, logits.columns, [&](std::int64_t r) {
    route_row(logits.row(r), static_cast<int>(logits.columns), params, out.experts + r * out.used,
              out.weights + r * out.used);
  });
}

void CpuBackend::combine_experts(View in, const Routing& routing, View out) {
  for_rows(out.rows, out.columns * routing.used, [&](std::int64_t r) {
    float* to = out.row(r);
    for (int i = 0; i < routing.used; ++i) {
      const float* from = in.row(r * routing.used + i);
      const float weight = routing.weights[r * routing.used + i];
      for (std::int64_t c = 0; c < out.columns; ++c) to[c] += weight * from[c];
    }
  });
}

void CpuBackend::norm(View in, const NormParams& params, View out) {
  const std::int64_t group = params.group ? params.group : in.columns;
  for_rows(in.rows, in.columns, [&](std::int64_t r) {
    for (std::int64_t first = 0; first < in.columns; first += group) {
      const std::int64_t offset = params.weight_per_column ? first : 0;
      kernels_.norm_row(in.row(r) + first, group, params.kind, params.epsilon,
                        params.weight ? params.weight + offset : nullptr,
                        params.bias ? params.bias + offset : nullptr, out.row(r) + first);
    }
  });
}

void CpuBackend::rope(View x, std::span<const std::int32_t> positions, const RopeParams& params) {
  if (params.layout == RopeLayout::kNone) return;
  const bool adjacent = params.layout == RopeLayout::kAdjacent;
  const int half = params.dims / 2;
  angles_.resize(static_cast<std::size_t>(x.rows * params.dims));
  for_rows(x.rows, x.columns + 32 * params.dims, [&](std::int64_t r) {
    float* cosines = angles_.data() + r * params.dims;
    float* sines = cosines + half;
    for (int i = 0; i < half; ++i) {
      const double angle = double{params.inverse_frequencies[i]} * positions[r];
      cosines[i] = static_cast<float>(std::cos(angle) * params.magnitude);
      sines[i] = static_cast<float>(std::sin(angle) * params.magnitude);
    }
    for (int h = 0; h < params.heads; ++h) {
      float* head = x.row(r) + h * params.head_width + params.first;
      for (int i = 0; i < half; ++i) {
        float* a = head + (adjacent ? 2 * i : i);
        float* b = adjacent ? a + 1 : a + half;
        const float old_a = *a, old_b = *b;
        *a = old_a * cosines[i] - old_b * sines[i];
        *b = old_a * sines[i] + old_b * cosines[i];
      }
    }
  });
}

void CpuBackend::store_kv(KvStore& store, int layer, View keys, View values,
                          const BatchLayout& batch) {
  auto& paged = static_cast<PagedKvStore&>(store);
  const int stride = paged.shape().layers[layer].stride;
  for_rows(keys.rows, keys.columns + values.columns, [&](std::int64_t r) {
    const KeyPlace place = key_place(batch.positions[r], stride);
    const std::int32_t page = batch.page_tables[batch.sequences[r]][place.page];
    paged.store(layer, page, place.slot, keys.row(r), values.row(r));
  });
}

void CpuBackend::cut_below(View x, float deviations) {
  for_rows(x.rows, x.columns * 4,
           [&](std::int64_t r) { cut_row_below(x.row(r), x.columns, deviations); });
}

void CpuBackend::group_experts(int size, const Routing& routing) {
  for (std::int64_t i = 0; i < routing.rows * routing.used; ++i) routing.experts[i] /= size;
}

void CpuBackend::gated_activation(View gate, View up, Activation activation, View out) {
  for_rows(gate.rows, gate.columns * 4, [&](std::int64_t r) {
    kernels_.activate_row(gate.row(r), up.data ? up.row(r) : nullptr, gate.columns, activation,
                          out.row(r));
  });
}

void CpuBackend::add_scaled(View x, float scale, float out_scale, View out) {
  for_rows(x.rows, x.columns, [&](std::int64_t r) {
    const float* from = x.row(r);
    float* to = out.row(r);
    for (std::int64_t c = 0; c < x.columns; ++c) to[c] = to[c] * out_scale + from[c] * scale;
  });
}

void CpuBackend::multiply_gate(View gate, Activation activation, View x) {
  const std::int64_t repeat = x.columns / gate.columns;
  for_rows(x.rows, x.columns * 4, [&](std::int64_t r) {
    std::vector<float> factors(static_cast<std::size_t>(gate.columns));
    kernels_.activate_row(gate.row(r), nullptr, gate.columns, activation, factors.data());
    for (std::int64_t c = 0; c < x.columns; ++c) x.row(r)[c] *= factors[c / repeat];
  });
}

void CpuBackend::softcap(View x, float cap) {
  for_rows(x.rows, x.columns * 4,
           [&](std::int64_t r) { kernels_.softcap_row(x.row(r), x.columns, cap); });
}

void CpuBackend::scale(View x, float factor) {
  for_rows(x.rows, x.columns, [&](std::int64_t r) {
    for (std::int64_t c = 0; c < x.columns; ++c) x.row(r)[c] *= factor;
  });
}

void CpuBackend::scale_rows(View x, const float* factors) {
  for_rows(x.rows, x.columns, [&](std::int64_t r) {
    for (std::int64_t c = 0; c < x.columns; ++c) x.row(r)[c] *= factors[r];
  });
}

void CpuBackend::clamp(View x, float least, float most) {
  for_rows(x.rows, x.columns, [&](std::int64_t r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      x.row(r)[c] = std::clamp(x.row(r)[c], least, most);
    }
  });
}

void CpuBackend::copy(View from, View to) {
  for_rows(from.rows, from.columns,
           [&](std::int64_t r) { std::copy_n(from.row(r), from.columns, to.row(r)); });
}

void CpuBackend::fill(View x, float value) {
  for (std::int64_t r = 0; r < x.rows; ++r) std::fill_n(x.row(r), x.columns, value);
}

}  // namespace cpu
}  // namespace linnet
