#include <cmath>
#include <vector>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/head_columns.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

class DeltaNet final : public RecurrentBlock {
 public:
  DeltaNet(WeightLoader& loader, const DeltaNetSpec& spec, std::int64_t width,
           const std::string& prefix)
      : spec_(spec),
        out_(loader.linear(prefix + ".ssm_out", spec.value_columns(), width)),
        norm_(loader.norm(prefix + ".ssm_norm", spec.value_width)),
        convolution_(
            loader.transposed(prefix + ".ssm_conv1d.weight", spec.kernel, spec.convolved())),
        step_bias_(loader.vector(prefix + ".ssm_dt.bias", spec.heads)),
        rate_(loader.vector(prefix + ".ssm_a", spec.heads)) {
    const std::int64_t shared = spec.heads / spec.key_heads;
    if (loader.has(prefix + ".attn_qkv.weight")) {
      qkv_ = loader.linear(prefix + ".attn_qkv", width, spec.convolved());
      gate_ = loader.linear(prefix + ".attn_gate", width, spec.value_columns());
      loader.ignore(prefix + ".ssm_in.");  // the same in the order of older files
    } else {  // in Qwen3-Next's files the parts of each key head are side by side
      const std::int64_t values = shared * spec.value_width;
      const std::int64_t sizes[] = {spec.key_width, spec.key_width, values, values};
      qkv_and_gate_ = loader.reordered(prefix + ".ssm_in", width,
                                       std::int64_t{spec.convolved()} + spec.value_columns(),
                                       parts_together(spec.key_heads, sizes));
    }
    if (loader.has(prefix + ".ssm_ba.weight")) {
      const std::int64_t sizes[] = {shared, shared};
      gain_and_step_ = loader.reordered(prefix + ".ssm_ba", width, 2 * std::int64_t{spec.heads},
                                        parts_together(spec.key_heads, sizes));
    } else {
      gain_ = loader.linear(prefix + ".ssm_beta", width, spec.heads);
      step_ = loader.linear(prefix + ".ssm_alpha", width, spec.heads);
    }
  }

  std::int64_t workspace_columns() const override {
    return 2 * std::int64_t{spec_.convolved()} + 2 * spec_.value_columns() + 3 * spec_.heads;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int convolved = spec_.convolved(), values = spec_.value_columns();
    const View projected = pass.workspace.view(in.rows, convolved + values);
    const View gate = projected.slice(convolved, values);
    const View controls = pass.workspace.view(in.rows, 2 * spec_.heads);
    project_inputs(pass, in, projected, controls);

    const View qkv =
        convolve(pass, spec_.kernel, *convolution_, nullptr, state, projected.slice(0, convolved));
    const View y = pass.workspace.view(in.rows, values);
    scan(pass, state, qkv, controls, y);
    normalise_rms(pass, norm_, y, spec_.value_width);
    pass.backend.gated_activation(gate, y, spec_.gate, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  // controls: [gain of each head][step of each head]
  void project_inputs(const Pass& pass, View in, View projected, View controls) const {
    const View qkv = projected.slice(0, spec_.convolved());
    const View gate = projected.slice(spec_.convolved(), spec_.value_columns());
    const View gain = controls.slice(0, spec_.heads);
    const View step = controls.slice(spec_.heads, spec_.heads);
    if (qkv_ && gain_) {
      project(pass, in, {{qkv_, qkv}, {gate_, gate}, {gain_, gain}, {step_, step}});
    } else if (qkv_) {
      project(pass, in, {{qkv_, qkv}, {gate_, gate}, {gain_and_step_, controls}});
    } else if (gain_) {
      project(pass, in, {{qkv_and_gate_, projected}, {gain_, gain}, {step_, step}});
    } else {
      project(pass, in, {{qkv_and_gate_, projected}, {gain_and_step_, controls}});
    }
  }

  void scan(const Pass& pass, StatePart state, View qkv, View controls, View y) const {
    const int keys = spec_.key_columns();
    normalise_l2(pass, pass.model.norm_epsilon, spec_.key_width, qkv.slice(0, 2 * keys));

    const View gain = controls.slice(0, spec_.heads);
    apply(pass.backend, Activation::kSigmoid, gain);
    const View decay = pass.workspace.view(y.rows, spec_.heads);
    pass.backend.decay(controls.slice(spec_.heads, spec_.heads),
                       {DecayKind::kSoftplus, step_bias_->data(), rate_->data()}, decay);

    ScanParams params{ScanRule::kDelta, state, spec_.heads, spec_.key_heads, spec_.sharing};
    params.key_width = spec_.key_width;
    params.value_width = spec_.value_width;
    params.scale = 1.0f / std::sqrt(static_cast<float>(spec_.key_width));
    const ScanInput input{.query = qkv.slice(0, keys),
                          .key = qkv.slice(keys, keys),
                          .value = qkv.slice(2 * keys, spec_.value_columns()),
                          .decay = decay,
                          .gain = gain};
    move_states(pass, ScanMove{input, params}, y);
  }

  DeltaNetSpec spec_;
  Linear qkv_, gate_;     // or, in older files,
  Linear qkv_and_gate_;   // both in one
  Linear gain_, step_;    // or
  Linear gain_and_step_;  // both in one
  Linear out_;
  Norm norm_;
  std::unique_ptr<Buffer> convolution_, step_bias_, rate_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const DeltaNetSpec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<DeltaNet>(loader, spec, width, prefix);
}

}  // namespace linnet
