#include <algorithm>
#include <array>
#include <new>
#include <numeric>

#include "backend/cpu/cpu_backend.hpp"
#include "backend/cpu/packed_matrix.hpp"

namespace linnet::cpu {
namespace {

// Activation rows that go through a run of strips while its panels are unpacked, at most.
constexpr std::int64_t kChunkRows = 256;
// Strips that a kernel takes at a time at most.
constexpr std::int64_t kMostStrips = 2;

const PackedMatrix& packed(const Matrix& matrix) {
  return static_cast<const PackedMatrix&>(matrix);
}

// Memory for `bytes` bytes, which may be that of an earlier call.
std::uint8_t* reserve(PageMemory& memory, std::int64_t bytes) {
  if (memory.size_bytes() < bytes) {
    auto larger = PageMemory::allocate(bytes);
    if (!larger) throw std::bad_alloc();  // as any container would
    memory = std::move(*larger);
  }
  return memory.data();
}

// Memory for the panels of all rows.
template <class Panel>
Panel* room_for_panels(PageMemory& memory, const Activations& activations) {
  const std::int64_t panels = activations.rows * ((activations.columns + kPanel - 1) / kPanel);
  return reinterpret_cast<Panel*>(
      reserve(memory, panels * static_cast<std::int64_t>(sizeof(Panel))));
}

// The strips of a slice that a task multiplies.
struct TaskStrips {
  const PackedMatrix& weight;
  std::int64_t slice, first, count;
};

// How a matrix is cut into tasks. With few rows the weights go by as fast as memory gives them, and
// it gives long pieces to each thread far faster than short ones in turn; with many rows the tasks
// are small, so that all threads end together.
class TaskCut {
 public:
  TaskCut(const Kernels& kernels, int threads, std::int64_t rows) : step_(kernels.strips) {
    if (rows <= kFewRows) tasks_ = 2 * std::int64_t{threads};
  }

  std::int64_t tasks(const PackedMatrix& weight) const {
    return (weight.strips() + strips_a_task(weight) - 1) / strips_a_task(weight);
  }
  TaskStrips task(const PackedMatrix& weight, std::int64_t slice, std::int64_t index) const {
    const std::int64_t strips = strips_a_task(weight), first = index * strips;
    return {weight, slice, first, std::min(strips, weight.strips() - first)};
  }

 private:
  static constexpr std::int64_t kFewRows = 8;

  std::int64_t strips_a_task(const PackedMatrix& weight) const {
    if (tasks_ == 0) return step_;
    const std::int64_t unit = tasks_ * step_;
    return std::max<std::int64_t>(1, (weight.strips() + unit - 1) / unit) * step_;
  }

  std::int64_t step_;
  std::int64_t tasks_ = 0;  // of a matrix; 0: as many as there are
};

// Activation rows rows[i] times the strips, to the outputs at out_row(i); the epilogue is that of
// the whole matrix.
template <class OutRow>
void multiply(const Kernels& kernels, const TaskStrips& strips, const Activations& activations,
              std::span<const std::int32_t> rows, const Epilogue& epilogue, OutRow&& out_row) {
  const auto count = static_cast<std::int64_t>(rows.size());
  alignas(64) std::array<float, kChunkRows * kMostStrips * kLanes> products;
  std::array<float*, kChunkRows> out;
  const PackedMatrix& weight = strips.weight;
  const std::int64_t end = strips.first + strips.count;
  for (std::int64_t strip = strips.first; strip < end; strip += kernels.strips) {
    const std::int64_t run_strips = std::min<std::int64_t>(kernels.strips, end - strip);
    const StripRun run{weight.layout(), weight.strip(strips.slice, strip), weight.strip_bytes(),
                       static_cast<int>(run_strips)};
    const std::int64_t first_output = strip * kLanes;
    const std::int64_t outputs = std::min(run_strips * kLanes, weight.rows() - first_output);
    Epilogue of_run = epilogue;
    if (of_run.bias) of_run.bias += first_output;
    for (std::int64_t first = 0; first < count; first += kChunkRows) {
      const std::int64_t chunk = std::min(kChunkRows, count - first);
      kernels.multiply(run, activations, rows.data() + first, chunk, products.data());
      for (std::int64_t i = 0; i < chunk; ++i) out[i] = out_row(first + i) + first_output;
      kernels.finish(products.data(), run_strips * kLanes, outputs, of_run, out.data(), chunk);
    }
  }
}

}  // namespace

Activations CpuBackend::prepare(View in, const Forms& forms) {
  Activations activations{};
  activations.values = in.data;
  activations.stride = in.stride;
  activations.rows = in.rows;
  activations.columns = in.columns;
  if (forms.integers) {
    activations.panels = room_for_panels<ActivationPanel>(quantised_, activations);
    for_rows(in.rows, in.columns,
             [&](std::int64_t row) { kernels_.quantise_row(activations, row); });
  }
  if (forms.int16) {
    activations.int16_panels = room_for_panels<Int16Panel>(quantised_int16_, activations);
    for_rows(in.rows, in.columns,
             [&](std::int64_t row) { kernels_.quantise_row_int16(activations, row); });
  }
  return activations;
}

std::span<const std::int32_t> CpuBackend::all_rows(std::int64_t rows) {
  row_ids_.resize(static_cast<std::size_t>(rows));
  std::iota(row_ids_.begin(), row_ids_.end(), 0);
  return row_ids_;
}

void CpuBackend::matmul(View in, std::span<const MatmulOutput> outputs) {
  Forms forms;
  for (const MatmulOutput& output : outputs) forms.add(packed(*output.weight).layout());
  const Activations activations = prepare(in, forms);
  const std::span<const std::int32_t> rows = all_rows(in.rows);

  const TaskCut cut(kernels_, pool_.threads(), in.rows);
  std::int64_t tasks = 0;
  for (const MatmulOutput& output : outputs) tasks += cut.tasks(packed(*output.weight));
  pool_.parallel_for(tasks, [&](std::int64_t task) {
    const MatmulOutput* output = outputs.data();
    while (task >= cut.tasks(packed(*output->weight))) {
      task -= cut.tasks(packed(*output->weight));
      ++output;
    }
    multiply(kernels_, cut.task(packed(*output->weight), 0, task), activations, rows,
             {output->scale, output->bias, output->accumulate ? Combine::kAdd : Combine::kReplace},
             [&](std::int64_t i) { return output->out.row(i); });
  });
}

void CpuBackend::gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                              Activation activation) {
  const PackedMatrix &gate_weight = packed(*gate.weight), &up_weight = packed(*up.weight);
  Forms forms;
  forms.add(gate_weight.layout());
  forms.add(up_weight.layout());
  const Activations activations = prepare(in, forms);
  const std::span<const std::int32_t> rows = all_rows(in.rows);
  const auto out_row = [&](std::int64_t i) { return up.out.row(i); };
  // Both weights have as many rows, and so the same tasks.
  const TaskCut cut(kernels_, pool_.threads(), in.rows);
  pool_.parallel_for(cut.tasks(up_weight), [&](std::int64_t task) {
    multiply(kernels_, cut.task(up_weight, 0, task), activations, rows, {up.scale, up.bias},
             out_row);
    multiply(kernels_, cut.task(gate_weight, 0, task), activations, rows,
             {gate.scale, gate.bias, Combine::kGate, activation}, out_row);
  });
}

void CpuBackend::expert_matmul(View in, const Matrix& matrix, const float* scale, const float* bias,
                               const Routing& routing, View out) {
  const PackedMatrix& weight = packed(matrix);
  const std::int64_t picks = routing.rows * routing.used;
  const bool row_a_pick = in.rows == picks;
  Forms forms;
  forms.add(weight.layout());
  const Activations activations = prepare(in, forms);

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

  if (Status s = weight.ensure_packed(used, pool_); !s && status_) {
    status_ = Error{weight.name() + ": " + s.error().message};
  }

  const TaskCut cut(kernels_, pool_.threads(), picks);
  const std::int64_t tasks = cut.tasks(weight);
  pool_.parallel_for(static_cast<std::int64_t>(used.size()) * tasks, [&](std::int64_t task) {
    const std::int32_t expert = used[task / tasks];
    const std::int32_t* picked = order.data() + next[expert];
    const std::span<const std::int32_t> rows(row_ids_.data() + next[expert],
                                             row_ids_.data() + ends[expert]);
    multiply(kernels_, cut.task(weight, expert, task % tasks), activations, rows,
             {scale ? scale[expert] : 1.0f, bias ? bias + expert * weight.rows() : nullptr},
             [&](std::int64_t i) { return out.row(picked[i]); });
  });
}

}  // namespace linnet::cpu
