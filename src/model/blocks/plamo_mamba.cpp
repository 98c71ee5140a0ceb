#include <vector>

#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

// The file has gate and value of each head side by side; here all gates come first.
std::vector<std::int64_t> gates_first(const PlamoMambaSpec& spec) {
  std::vector<std::int64_t> order;
  const int width = spec.head_width();
  for (const int part : {0, 1}) {
    for (int h = 0; h < spec.heads; ++h) {
      for (int i = 0; i < width; ++i) order.push_back((2 * std::int64_t{h} + part) * width + i);
    }
  }
  return order;
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
    const View gate_and_x = pass.workspace.view(in.rows, 2 * spec_.inner);
    project(pass, in_, in, gate_and_x);

    const View x = pass.workspace.view(in.rows, spec_.inner);
    const ConvolutionParams convolution{state, spec_.kernel, convolution_->data(), nullptr,
                                        Activation::kSilu};
    pass.backend.convolve(*pass.states, gate_and_x.slice(spec_.inner, spec_.inner), convolution,
                          pass.batch, x);

    const View y = pass.workspace.view(in.rows, spec_.inner);
    scan(pass, {state.layer, state.first + std::int64_t{spec_.kernel - 1} * spec_.inner}, x, y);
    pass.backend.gated_activation(gate_and_x.slice(0, spec_.inner), y, Activation::kSilu, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  void scan(const Pass& pass, StatePart state, View x, View y) const {
    const int states = spec_.state_width;
    const View all = pass.workspace.view(x.rows, 2 * states + spec_.step_width);
    project(pass, x_, x, all);
    const View key = normalised(pass, key_norm_, all.slice(0, states));
    const View query = normalised(pass, query_norm_, all.slice(states, states));
    const View low = normalised(pass, step_norm_, all.slice(2 * states, spec_.step_width));

    const View step = pass.workspace.view(x.rows, spec_.heads);
    project(pass, step_, low, step);
    const View decay = pass.workspace.view(x.rows, spec_.heads);
    pass.backend.decay(step, {DecayKind::kSoftplus, nullptr, rate_->data()}, decay);

    ScanParams params{ScanRule::kAdd, state, spec_.heads, 1};
    params.key_width = states;
    params.value_width = spec_.head_width();
    params.skip = skip_->data();
    pass.backend.scan(*pass.states, {query, key, x, decay, step, {}, {}}, params, pass.batch, y);
  }

  View normalised(const Pass& pass, const Norm& norm, View x) const {
    pass.backend.norm(x, {NormKind::kRms, pass.model.norm_epsilon, norm.weight_data()}, x);
    return x;
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
