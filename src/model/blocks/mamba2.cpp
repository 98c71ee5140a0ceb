#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

class Mamba2 final : public RecurrentBlock {
 public:
  Mamba2(WeightLoader& loader, const Mamba2Spec& spec, std::int64_t width,
         const std::string& prefix)
      : spec_(spec),
        in_(loader.linear(prefix + ".ssm_in", width, projected_columns())),
        out_(loader.linear(prefix + ".ssm_out", spec.inner, width)),
        norm_(loader.norm(prefix + ".ssm_norm", spec.inner, Presence::kOptional)),
        convolution_(
            loader.transposed(prefix + ".ssm_conv1d.weight", spec.kernel, spec.convolved())),
        convolution_bias_(
            loader.vector(prefix + ".ssm_conv1d.bias", spec.convolved(), Presence::kOptional)),
        step_bias_(loader.vector(prefix + ".ssm_dt.bias", spec.heads)),
        rate_(loader.vector(prefix + ".ssm_a", spec.heads)),
        skip_(loader.vector(prefix + ".ssm_d", spec.heads)) {}

  std::int64_t workspace_columns() const override {
    return projected_columns() + spec_.convolved() + spec_.heads + spec_.inner;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int inner = spec_.inner;
    const View all = project(pass, in_, in);
    const View gate = all.slice(0, inner);
    const View step = all.slice(inner + spec_.convolved(), spec_.heads);

    const View convolved = convolve(pass, spec_.kernel, *convolution_, convolution_bias_.get(),
                                    state, all.slice(inner, spec_.convolved()));
    const View y = pass.workspace.view(in.rows, inner);
    scan(pass, state, convolved, step, y);
    pass.backend.gated_activation(gate, y, Activation::kSilu, y);
    normalise(pass, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  std::int64_t projected_columns() const {
    return std::int64_t{spec_.inner} + spec_.convolved() + spec_.heads;
  }

  void scan(const Pass& pass, StatePart state, View convolved, View step, View y) const {
    const int keys = spec_.groups * spec_.state_width;
    const View decay = pass.workspace.view(y.rows, spec_.heads);
    pass.backend.decay(step, {DecayKind::kSoftplus, step_bias_->data(), rate_->data()}, decay);
    ScanParams params{ScanRule::kAdd, state, spec_.heads, spec_.groups};
    params.key_width = spec_.state_width;
    params.value_width = spec_.head_width();
    params.skip = skip_->data();
    const ScanInput input{.query = convolved.slice(spec_.inner + keys, keys),
                          .key = convolved.slice(spec_.inner, keys),
                          .value = convolved.slice(0, spec_.inner),
                          .decay = decay,
                          .gain = step};
    move_states(pass, ScanMove{input, params}, y);
  }

  void normalise(const Pass& pass, View y) const {
    if (!norm_) return;
    NormParams params =
        norm_.params(NormKind::kRms, pass.model.norm_epsilon, spec_.inner / spec_.groups);
    params.weight_per_column = true;
    pass.backend.norm(y, params, y);
  }

  Mamba2Spec spec_;
  Linear in_, out_;
  Norm norm_;
  std::unique_ptr<Buffer> convolution_, convolution_bias_, step_bias_, rate_, skip_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const Mamba2Spec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<Mamba2>(loader, spec, width, prefix);
}

}  // namespace linnet
