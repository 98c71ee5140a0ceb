#include "hearing/columnwise_convolution.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/given_rows.hpp"

namespace linnet {

ColumnwiseConvolution::ColumnwiseConvolution(WeightLoader& loader, const std::string& name,
                                             std::int64_t columns, ConvolutionShape shape)
    : shape_(shape), columns_(columns) {
  const std::int64_t taps = shape.taps();
  const std::vector<float> values = loader.values(name + ".weight", taps * columns);
  weight_ = loader.upload(taps_before_inputs(values, std::ssize(values), taps));
  bias_ = loader.vector(name + ".bias", columns, Presence::kOptional);
}

std::int64_t ColumnwiseConvolution::workspace_floats(std::int64_t rows, std::int64_t behind) const {
  return Workspace::floats_for(behind, 2 * columns_, 2) +
         Workspace::floats_for(rows + 1, columns_, 1);
}

View ColumnwiseConvolution::run(Backend& backend, Workspace& workspace, View in, Grid grid) const {
  const View out = workspace.view(shape_.behind(grid).area(), columns_);
  const Workspace::Scope scope(workspace);
  const View padded = workspace.view(in.rows + 1, columns_);
  backend.copy(in, padded.first_rows(in.rows));
  backend.fill(some_rows(padded, in.rows, 1), 0.0f);
  const View part = workspace.view(out.rows, columns_);
  if (bias_) {
    backend.copy(repeated(*bias_, out), out);
  } else {
    backend.fill(out, 0.0f);
  }
  for (int tap = 0; tap < shape_.taps(); ++tap) {
    backend.gather_rows(padded, rows_at(shape_, tap, grid), part);
    const View factors{weight_->data() + tap * columns_, part.rows, columns_, 0};
    backend.gated_activation(part, factors, Activation::kIdentity, part);
    add(backend, part, out);
  }
  return out;
}

}  // namespace linnet
