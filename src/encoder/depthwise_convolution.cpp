#include "encoder/depthwise_convolution.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/given_rows.hpp"

namespace linnet {

DepthwiseConvolution::DepthwiseConvolution(WeightLoader& loader, const std::string& name,
                                           std::int64_t columns, ConvolutionShape shape)
    : shape_(shape), columns_(columns) {
  const std::int64_t taps = shape.taps();
  const std::string weight = name + ".weight";
  // The file has the taps of a column side by side.
  const std::vector<float> values =
      taps_before_inputs(loader.values(weight, taps * columns), taps * columns, taps);
  factors_ = loader.upload(values);
  bias_ = loader.vector(name + ".bias", columns, Presence::kOptional);
}

std::int64_t DepthwiseConvolution::workspace_floats(std::int64_t rows, std::int64_t behind) const {
  return 2 * Workspace::floats_for(behind, columns_, 1) +
         Workspace::floats_for(rows + 1, columns_, 1);
}

View DepthwiseConvolution::run(Backend& backend, Workspace& workspace, View in, Grid grid) const {
  const View out = workspace.view(behind(grid).area(), columns_);
  backend.fill(out, 0.0f);
  if (bias_) add(backend, repeated(*bias_, out), out);
  const Workspace::Scope scope(workspace);
  const View padded = workspace.view(in.rows + 1, columns_);
  backend.copy(in, padded.first_rows(in.rows));
  backend.fill(some_rows(padded, in.rows, 1), 0.0f);
  const View part = workspace.view(out.rows, columns_);
  for (int tap = 0; tap < static_cast<int>(shape_.taps()); ++tap) {
    backend.gather_rows(padded, rows_at(shape_, tap, grid), part);
    const View factors{factors_->data() + tap * columns_, out.rows, columns_, 0};
    backend.gated_activation(part, factors, Activation::kIdentity, part);
    add(backend, part, out);
  }
  return out;
}

}  // namespace linnet
