#include "model/blocks/project.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "model/blocks/elementwise.hpp"

namespace linnet {

MatmulOutput product_of(const ProjectionTo& output, bool accumulate) {
  const Linear& projection = output.projection;
  return {projection.weight.get(), output.out, projection.bias_data(), accumulate,
          projection.scale};
}

namespace {

// Of each adapter, what its strength at a row says. Adapters of one rank that follow one another
// are weighed at once.
void weigh(const Pass& pass, const LowRank& adapter, View low) {
  assert(low.rows == pass.adapter_strengths.rows && !adapter.parts.empty());
  const auto& parts = adapter.parts;
  for (std::size_t first = 0, end = 0; first < parts.size(); first = end) {
    const LowRank::Part& part = parts[first];
    const auto goes_on = [&](const LowRank::Part& next) {
      return next.rank == part.rank && next.adapter - part.adapter == &next - &part;
    };
    while (end < parts.size() && goes_on(parts[end])) ++end;
    const auto count = static_cast<std::int64_t>(end - first);
    pass.backend.multiply_gate(pass.adapter_strengths.slice(part.adapter, count),
                               Activation::kIdentity, low.slice(part.first, count * part.rank));
  }
}

// out += scale * high(strength * low(in)) if there are adapters; all `low` at once.
void add_adapters(const Pass& pass, View in, std::span<const ProjectionTo> outputs) {
  if (!pass.adapter_strengths.data) return;
  const Workspace::Scope scope(pass.workspace);
  std::array<MatmulOutput, kMostProjections> low, high;
  std::array<const LowRank*, kMostProjections> adapters;
  std::size_t count = 0;
  for (const auto& [projection, out] : outputs) {
    const LowRank& adapter = projection.adapter;
    if (!adapter) continue;
    low[count] = {adapter.low.get(), pass.workspace.view(in.rows, adapter.low->rows())};
    high[count] = {adapter.high.get(), out, nullptr, /*accumulate=*/true, projection.scale};
    adapters[count++] = &adapter;
  }
  if (count == 0) return;
  pass.backend.matmul(in, std::span(low).first(count));
  for (std::size_t i = 0; i < count; ++i) {
    weigh(pass, *adapters[i], low[i].out);
    pass.backend.matmul(low[i].out, {&high[i], 1});
  }
}

void project_all(const Pass& pass, View in, std::span<const ProjectionTo> outputs,
                 bool accumulate) {
  std::array<MatmulOutput, kMostProjections> products;
  for (std::size_t i = 0; i < outputs.size(); ++i) products[i] = product_of(outputs[i], accumulate);
  pass.backend.matmul(in, std::span(products).first(outputs.size()));
  add_adapters(pass, in, outputs);
}

bool is_clipped(const ProjectionTo& output) { return output.projection.clip.has_value(); }

void project_clipped(const Pass& pass, View in, const ProjectionTo& output, bool accumulate) {
  const Clip& clip = *output.projection.clip;
  const Workspace::Scope scope(pass.workspace);
  const View clipped = pass.workspace.view(in.rows, in.columns);
  const View product = pass.workspace.view(output.out.rows, output.out.columns);
  pass.backend.copy(in, clipped);
  pass.backend.clamp(clipped, clip.in.least, clip.in.most);
  const ProjectionTo one{output.projection, product};
  project_all(pass, clipped, {&one, 1}, /*accumulate=*/false);
  pass.backend.clamp(product, clip.out.least, clip.out.most);
  if (!accumulate) return pass.backend.copy(product, output.out);
  add(pass.backend, product, output.out);
}

}  // namespace

void project(const Pass& pass, View in, std::span<const ProjectionTo> outputs, bool accumulate) {
  assert(outputs.size() <= kMostProjections);
  if (std::ranges::none_of(outputs, is_clipped)) return project_all(pass, in, outputs, accumulate);
  for (const ProjectionTo& output : outputs) {
    if (is_clipped(output)) {
      project_clipped(pass, in, output, accumulate);
    } else {
      project_all(pass, in, {&output, 1}, accumulate);
    }
  }
}

void project_gated(const Pass& pass, View in, const ProjectionTo& gate, const ProjectionTo& up,
                   Activation activation) {
  const bool has_adapter =
      pass.adapter_strengths.data && (gate.projection.adapter || up.projection.adapter);
  const bool is_plain = !has_adapter && !is_clipped(gate) && !is_clipped(up);
  if (is_plain) {
    return pass.backend.gated_matmul(in, product_of(gate, false), product_of(up, false),
                                     activation);
  }
  project(pass, in, {gate, up});
  pass.backend.gated_activation(gate.out, up.out, activation, up.out);
}

std::int64_t adapter_floats(std::int64_t rows, std::int64_t rank, std::int64_t adapters) {
  if (adapters == 0) return 0;
  constexpr int kViews = kMostProjections;
  constexpr int kStrengths = 2;  // of all rows, and of those with logits
  return Workspace::floats_for(rows, kViews * rank, kViews) +
         Workspace::floats_for(rows, kStrengths * adapters, kStrengths);
}

std::int64_t clipped_floats(std::int64_t rows, std::int64_t columns) {
  return columns == 0 ? 0 : Workspace::floats_for(rows, columns, 2);
}

}  // namespace linnet
