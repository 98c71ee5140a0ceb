#include "encoder/depthwise.hpp"

#include <algorithm>

#include "encoder/padded_rows.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

// They stay in a cache from tap to tap.
std::int64_t rows_at_once(std::int64_t columns) {
  constexpr std::int64_t kFloats = std::int64_t{1} << 18;
  return std::max<std::int64_t>(1, kFloats / columns);
}

}  // namespace

DepthwiseConvolution::DepthwiseConvolution(WeightLoader& loader, const std::string& name,
                                           std::int64_t columns, ConvolutionShape shape)
    : shape_(shape) {
  const std::int64_t taps = shape.taps();
  const std::vector<float> values = loader.values(name + ".weight", taps * columns);
  factors_ = loader.upload(taps_before_inputs(values, std::ssize(values), taps));
  bias_ = loader.vector(name + ".bias", columns, Presence::kOptional);
}

std::int64_t DepthwiseConvolution::padded_floats(std::int64_t columns, std::int64_t behind) {
  return Workspace::floats_for(std::min(behind, rows_at_once(columns)), columns, 1) +
         Workspace::floats_for(behind, columns, 1);
}

View DepthwiseConvolution::run(Backend& backend, Workspace& workspace, View in, Grid grid) const {
  const View out = workspace.view(behind(grid).area(), in.columns);
  const Workspace::Scope scope(workspace);
  run_padded(backend, workspace, padded_copy(backend, workspace, in), grid, out);
  return out;
}

void DepthwiseConvolution::run_padded(Backend& backend, Workspace& workspace, View in, Grid grid,
                                      View out) const {
  const Workspace::Scope scope(workspace);
  const View padded = {in.data, in.rows + 1, in.columns, in.stride};
  const std::vector<std::vector<std::int32_t>> rows = rows_by_tap(shape_, grid);
  const std::int64_t most = std::min(out.rows, rows_at_once(out.columns));
  const View all_seen = workspace.view(most, out.columns);
  backend.fill(out, 0.0f);
  if (bias_) add(backend, repeated(*bias_, out), out);
  for (std::int64_t first = 0; first < out.rows; first += most) {
    const std::int64_t count = std::min(most, out.rows - first);
    const View seen = all_seen.first_rows(count), sum = some_rows(out, first, count);
    const float* factors = factors_->data();
    for (const std::vector<std::int32_t>& read : rows) {
      backend.gather_rows(padded, std::span(read).subspan(first, count), seen);
      backend.mix_shifted(sum, seen, factors, View{}, sum);
      factors += out.columns;
    }
  }
}

}  // namespace linnet
