#include "hearing/row_convolution.hpp"

#include <algorithm>

#include "encoder/convolution.hpp"
#include "model/given_rows.hpp"

namespace linnet {
namespace {

int kernel_of(int taps) { return std::max(taps, 2); }  // Backend::convolve() takes no fewer

}  // namespace

RowConvolution::RowConvolution(WeightLoader& loader, const std::string& name, std::int64_t columns,
                               int taps, int later)
    : kernel_(kernel_of(taps)), later_(later) {
  const std::vector<float> values = loader.values(name + ".weight", taps * columns);
  std::vector<float> weight = taps_before_inputs(values, std::ssize(values), taps);
  if (kernel_ > taps) weight.insert(weight.begin(), weight.size(), 0.0f);
  weight_ = loader.upload(weight);
  bias_ = loader.vector(name + ".bias", columns, Presence::kOptional);
}

std::int64_t RowConvolution::state_floats(std::int64_t columns, int taps) {
  return columns * (kernel_of(taps) - 1);
}

// Backend::convolve() reads no later rows: the result of a row is what it computes for the row
// `later_` rows further on.
View RowConvolution::run(Backend& backend, Workspace& workspace, StateStore& states,
                         View in) const {
  const View out = workspace.view(in.rows + later_, in.columns);
  const Workspace::Scope scope(workspace);
  const View padded = workspace.view(out.rows, in.columns);
  backend.copy(in, padded.first_rows(in.rows));
  if (later_ > 0) backend.fill(some_rows(padded, in.rows, later_), 0.0f);
  states.clear_slot(0);
  const std::vector<std::int32_t> zeros(static_cast<std::size_t>(out.rows), 0);
  const BatchLayout line{.positions = {},
                         .sequences = zeros,
                         .page_tables = {},
                         .lengths = {},
                         .states = std::span(zeros).first(1)};
  backend.convolve(states, padded,
                   {.state = {},
                    .kernel = kernel_,
                    .weight = weight_->data(),
                    .bias = bias_ ? bias_->data() : nullptr},
                   line, out);
  return some_rows(out, later_, in.rows);
}

}  // namespace linnet
