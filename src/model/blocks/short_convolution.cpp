#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

class ShortConvolution final : public RecurrentBlock {
 public:
  ShortConvolution(WeightLoader& loader, const ShortConvolutionSpec& spec, std::int64_t width,
                   const std::string& prefix)
      : spec_(spec),
        in_(loader.linear(prefix + ".shortconv.in_proj", width, 3 * std::int64_t{spec.columns})),
        out_(loader.linear(prefix + ".shortconv.out_proj", spec.columns, width)),
        weight_(loader.transposed(prefix + ".shortconv.conv.weight", spec.kernel, spec.columns)) {}

  std::int64_t workspace_columns() const override { return 4 * std::int64_t{spec_.columns}; }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int columns = spec_.columns;
    const View all = project(pass, in_, in);
    const View b = all.slice(0, columns), c = all.slice(columns, columns),
               x = all.slice(2 * columns, columns);
    pass.backend.gated_activation(b, x, Activation::kIdentity, x);

    const View y = pass.workspace.view(in.rows, columns);
    const ConvolutionParams params{state, spec_.kernel, weight_->data()};
    move_states(pass, ConvolutionMove{x, params}, y);
    pass.backend.gated_activation(c, y, Activation::kIdentity, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  ShortConvolutionSpec spec_;
  Linear in_, out_;
  std::unique_ptr<Buffer> weight_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const ShortConvolutionSpec& spec,
                             std::int64_t width, const std::string& prefix) {
  return std::make_unique<ShortConvolution>(loader, spec, width, prefix);
}

}  // namespace linnet
