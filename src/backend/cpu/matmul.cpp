#include <algorithm>
#include <array>
#include <new>
#include <numeric>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/cpu/packed_matrix.hpp"

namespace linnet::cpu {
namespace {

// Activation rows that go through a run of strips while its panels are unpacked.
constexpr std::int64_t kChunkRows = 192;
// Strips that a kernel takes at a time at most.
constexpr std::int64_t kMostStrips = 2;

const PackedMatrix& packed(const Matrix& matrix) {
  return static_cast<const PackedMatrix&>(matrix);
}

// The strips of a slice that a task multiplies.
struct TaskStrips {
  const PackedMatrix& weight;
  std::int64_t slice, first, count;

  std::int64_t first_output() const { return first * kLanes; }
  std::int64_t outputs() const { return std::min(count * kLanes, weight.rows() - first_output()); }
};

std::int64_t tasks_of(const PackedMatrix& weight, const Kernels& kernels) {
  return (weight.strips() + kernels.strips - 1) / kernels.strips;
}

TaskStrips task_strips(const PackedMatrix& weight, const Kernels& kernels, std::int64_t slice,
                       std::int64_t task) {
  const std::int64_t first = task * kernels.strips;
  return {weight, slice, first, std::min<std::int64_t>(kernels.strips, weight.strips() - first)};
}

// Activation rows rows[i] times the strips, to the outputs at out_row(i).
template <class OutRow>
void multiply(const Kernels& kernels, const TaskStrips& strips, const Activations& activations,
              const std::int32_t* rows, std::int64_t count, const Epilogue& epilogue,
              OutRow&& out_row) {
  alignas(64) std::array<float, kChunkRows * kMostStrips * kLanes> products;
  const PackedMatrix& weight = strips.weight;
  const StripRun run{weight.layout(), weight.strip(strips.slice, strips.first),
                     weight.strip_bytes(), static_cast<int>(strips.count)};
  for (std::int64_t first = 0; first < count; first += kChunkRows) {
    const std::int64_t chunk = std::min(kChunkRows, count - first);
    kernels.multiply(run, activations, rows + first, chunk, products.data());
    for (std::int64_t i = 0; i < chunk; ++i) {
      kernels.finish_row(products.data() + i * strips.count * kLanes, strips.outputs(), epilogue,
                         out_row(first + i) + strips.first_output());
    }
  }
}

}  // namespace

Activations CpuBackend::prepare(View in, bool quantised) {
  Activations activations{in.data, in.stride, in.rows, in.columns, nullptr, nullptr, nullptr};
  if (!quantised) return activations;
  const std::int64_t panels = in.rows * ((in.columns + kPanel - 1) / kPanel);
  constexpr std::int64_t kScaleBytes = kPanelBlocks * sizeof(float);
  constexpr std::int64_t kSumBytes = 2 * kPanelBlocks * sizeof(std::int32_t);
  const std::int64_t bytes = panels * (kPanel + kScaleBytes + kSumBytes);
  if (activations_.size_bytes() < bytes) {
    auto memory = PageMemory::allocate(bytes);
    if (!memory) throw std::bad_alloc();  // as any container would
    activations_ = std::move(*memory);
  }
  std::uint8_t* scales = activations_.data() + panels * kPanel;
  activations.codes = reinterpret_cast<std::int8_t*>(activations_.data());
  activations.scales = reinterpret_cast<float*>(scales);
  activations.sums = reinterpret_cast<std::int32_t*>(scales + panels * kScaleBytes);
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

  std::int64_t tasks = 0;
  for (const MatmulOutput& output : outputs) tasks += tasks_of(packed(*output.weight), kernels_);
  pool_.parallel_for(tasks, [&](std::int64_t task) {
    const MatmulOutput* output = outputs.data();
    while (task >= tasks_of(packed(*output->weight), kernels_)) {
      task -= tasks_of(packed(*output->weight), kernels_);
      ++output;
    }
    const TaskStrips strips = task_strips(packed(*output->weight), kernels_, 0, task);
    const Epilogue epilogue{output->scale,
                            output->bias ? output->bias + strips.first_output() : nullptr,
                            output->accumulate};
    multiply(kernels_, strips, activations, row_ids_.data(), in.rows, epilogue,
             [&](std::int64_t i) { return output->out.row(i); });
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

  const std::int64_t tasks = tasks_of(weight, kernels_);
  pool_.parallel_for(static_cast<std::int64_t>(used.size()) * tasks, [&](std::int64_t task) {
    const std::int32_t expert = used[task / tasks];
    const TaskStrips strips = task_strips(weight, kernels_, expert, task % tasks);
    const Epilogue epilogue{scale ? scale[expert] : 1.0f,
                            bias ? bias + expert * weight.rows() + strips.first_output() : nullptr,
                            false};
    const std::int32_t* picked = order.data() + next[expert];
    multiply(kernels_, strips, activations, row_ids_.data() + next[expert],
             ends[expert] - next[expert], epilogue,
             [&](std::int64_t i) { return out.row(picked[i]); });
  });
}

}  // namespace linnet::cpu
