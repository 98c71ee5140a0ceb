#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

class Mamba final : public RecurrentBlock {
 public:
  Mamba(WeightLoader& loader, const MambaSpec& spec, std::int64_t width, const std::string& prefix)
      : spec_(spec),
        in_(loader.linear(prefix + ".ssm_in", width, 2 * std::int64_t{spec.inner})),
        x_(loader.linear(prefix + ".ssm_x", spec.inner, spec.step_rank + 2 * spec.state_width)),
        step_(loader.linear(prefix + ".ssm_dt", spec.step_rank, spec.inner)),
        out_(loader.linear(prefix + ".ssm_out", spec.inner, width)),
        step_norm_(loader.norm(prefix + ".ssm_dt_norm", spec.step_rank, Presence::kOptional)),
        input_norm_(loader.norm(prefix + ".ssm_b_norm", spec.state_width, Presence::kOptional)),
        output_norm_(loader.norm(prefix + ".ssm_c_norm", spec.state_width, Presence::kOptional)),
        convolution_(loader.transposed(prefix + ".ssm_conv1d.weight", spec.kernel, spec.inner)),
        convolution_bias_(loader.vector(prefix + ".ssm_conv1d.bias", spec.inner)),
        rate_(loader.transposed(prefix + ".ssm_a", spec.state_width, spec.inner)),
        skip_(loader.vector(prefix + ".ssm_d", spec.inner)) {}

  std::int64_t workspace_columns() const override {
    return 4 * std::int64_t{spec_.inner} + spec_.step_rank + 2 * spec_.state_width + spec_.inner;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const View x_and_gate = project(pass, in_, in);
    const View gate = x_and_gate.slice(spec_.inner, spec_.inner);

    const View x = convolve(pass, spec_.kernel, *convolution_, convolution_bias_.get(), state,
                            x_and_gate.slice(0, spec_.inner));
    const View y = pass.workspace.view(in.rows, spec_.inner);
    scan(pass, state, x, y);
    pass.backend.gated_activation(gate, y, Activation::kSilu, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  void scan(const Pass& pass, StatePart state, View x, View y) const {
    const int rank = spec_.step_rank, states = spec_.state_width;
    const View all = project(pass, x_, x);
    const View low = all.slice(0, rank), input = all.slice(rank, states),
               output = all.slice(rank + states, states);
    normalise_part(pass, step_norm_, low);
    normalise_part(pass, input_norm_, input);
    normalise_part(pass, output_norm_, output);

    const View step = project(pass, step_, low);
    move_states(
        pass,
        SelectiveScanMove{{x, step, input, output}, {state, states, rate_->data(), skip_->data()}},
        y);
  }

  void normalise_part(const Pass& pass, const Norm& norm, View x) const {
    if (norm || spec_.bare_norms) normalise_rms(pass, norm, x);
  }

  MambaSpec spec_;
  Linear in_, x_, step_, out_;
  Norm step_norm_, input_norm_, output_norm_;
  std::unique_ptr<Buffer> convolution_, convolution_bias_, rate_, skip_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const MambaSpec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<Mamba>(loader, spec, width, prefix);
}

}  // namespace linnet
