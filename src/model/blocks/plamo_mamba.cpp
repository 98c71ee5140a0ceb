#include <vector>

#include "model/blocks/head_columns.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

// The file has gate and value of each head side by side; here all gates come first.
std::vector<std::int64_t> gates_first(const PlamoMambaSpec& spec) {
  const std::int64_t sizes[] = {spec.head_width(), spec.head_width()};
  return parts_together(spec.heads, sizes);
}

class PlamoMamba final : public RecurrentBlock {
 public:
  PlamoMamba(WeightLoader& loader, const PlamoMambaSpec& spec, std::int64_t width,
             const std::string& prefix)
      : spec_(spec),
        in_(loader.reordered(prefix + ".ssm_in", width, 2 * std::int64_t{spec.inner},
                             gates_first(spec))),
        x_(loader.linear(prefix + ".ssm_x", spec.inner, spec.step_width + 2 * spec.state_width)),
        step_(loader.linear(prefix + ".ssm_dt", spec.step_width, spec.heads)),
        out_(loader.linear(prefix + ".ssm_out", spec.inner, width)),
        step_norm_(loader.norm(prefix + ".ssm_dt_norm", spec.step_width)),
        key_norm_(loader.norm(prefix + ".ssm_b_norm", spec.state_width)),
        query_norm_(loader.norm(prefix + ".ssm_c_norm", spec.state_width)),
        convolution_(loader.transposed(prefix + ".ssm_conv1d.weight", spec.kernel, spec.inner)),
        rate_(loader.vector(prefix + ".ssm_a", spec.heads)),
        skip_(loader.vector(prefix + ".ssm_d", spec.heads)) {}

  std::int64_t workspace_columns() const override {
    return 4 * std::int64_t{spec_.inner} + spec_.step_width + 2 * spec_.state_width +
           2 * spec_.heads;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const View gate_and_x = project(pass, in_, in);

    const View x = convolve(pass, spec_.kernel, *convolution_, nullptr, state,
                            gate_and_x.slice(spec_.inner, spec_.inner));
    const View y = pass.workspace.view(in.rows, spec_.inner);
    scan(pass, state, x, y);
    pass.backend.gated_activation(gate_and_x.slice(0, spec_.inner), y, Activation::kSilu, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  void scan(const Pass& pass, StatePart state, View x, View y) const {
    const int states = spec_.state_width;
    const View all = project(pass, x_, x);
    const View key = all.slice(0, states), query = all.slice(states, states),
               low = all.slice(2 * states, spec_.step_width);
    normalise_rms(pass, key_norm_, key);
    normalise_rms(pass, query_norm_, query);
    normalise_rms(pass, step_norm_, low);

    const View step = project(pass, step_, low);
    const View decay = pass.workspace.view(x.rows, spec_.heads);
    pass.backend.decay(step, {DecayKind::kSoftplus, nullptr, rate_->data()}, decay);

    ScanParams params{ScanRule::kAdd, state, spec_.heads, 1};
    params.key_width = states;
    params.value_width = spec_.head_width();
    params.skip = skip_->data();
    const ScanInput input{query, key, x, decay, step};
    move_states(pass, ScanMove{input, params}, y);
  }

  PlamoMambaSpec spec_;
  Linear in_, x_, step_, out_;
  Norm step_norm_, key_norm_, query_norm_;
  std::unique_ptr<Buffer> convolution_, rate_, skip_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const PlamoMambaSpec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<PlamoMamba>(loader, spec, width, prefix);
}

}  // namespace linnet
