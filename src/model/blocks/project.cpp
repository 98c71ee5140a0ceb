#include "model/blocks/project.hpp"

#include <array>
#include <cassert>

namespace linnet {
namespace {

MatmulOutput product_of(const ProjectionTo& output, bool accumulate) {
  const Linear& projection = output.projection;
  return {projection.weight.get(), output.out, projection.bias_data(), accumulate,
          projection.scale};
}

// out += scale * high(low(in)) where there are adapters; all `low` at once.
void add_adapters(const Pass& pass, View in, std::span<const ProjectionTo> outputs) {
  const Workspace::Scope scope(pass.workspace);
  std::array<MatmulOutput, kMostProjections> low, high;
  std::size_t count = 0;
  for (const auto& [projection, out] : outputs) {
    const LowRank& adapter = projection.adapter;
    if (!adapter) continue;
    low[count] = {adapter.low.get(), pass.workspace.view(in.rows, adapter.low->rows())};
    high[count++] = {adapter.high.get(), out, nullptr, /*accumulate=*/true, projection.scale};
  }
  if (count == 0) return;
  pass.backend.matmul(in, std::span(low).first(count));
  for (std::size_t i = 0; i < count; ++i) pass.backend.matmul(low[i].out, {&high[i], 1});
}

}  // namespace

void project(const Pass& pass, View in, std::span<const ProjectionTo> outputs, bool accumulate) {
  assert(outputs.size() <= kMostProjections);
  std::array<MatmulOutput, kMostProjections> products;
  for (std::size_t i = 0; i < outputs.size(); ++i) products[i] = product_of(outputs[i], accumulate);
  pass.backend.matmul(in, std::span(products).first(outputs.size()));
  add_adapters(pass, in, outputs);
}

void project_gated(const Pass& pass, View in, const ProjectionTo& gate, const ProjectionTo& up,
                   Activation activation) {
  if (!gate.projection.adapter && !up.projection.adapter) {
    return pass.backend.gated_matmul(in, product_of(gate, false), product_of(up, false),
                                     activation);
  }
  project(pass, in, {gate, up});
  pass.backend.gated_activation(gate.out, up.out, activation, up.out);
}

std::int64_t adapter_floats(std::int64_t rows, std::int64_t rank) {
  if (rank == 0) return 0;
  constexpr int kViews = kMostProjections;
  return Workspace::floats_for(rows, kViews * rank, kViews);
}

}  // namespace linnet
