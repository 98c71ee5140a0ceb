#include <cmath>
#include <vector>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

// The convolutions of queries, keys and values side by side, [kernel][3 * inner].
std::unique_ptr<Buffer> load_convolutions(WeightLoader& loader, const KimiDeltaSpec& spec,
                                          const std::string& prefix) {
  const std::int64_t inner = spec.inner(), kernel = spec.kernel;
  std::vector<float> all;
  int part = 0;
  for (const char* name : {"q", "k", "v"}) {
    const std::vector<float> weight =
        loader.values(prefix + ".ssm_conv1d_" + name + ".weight", inner * kernel);
    if (weight.empty()) return nullptr;
    all.resize(3 * weight.size());
    for (std::int64_t c = 0; c < inner; ++c) {
      for (std::int64_t i = 0; i < kernel; ++i) {
        all[i * 3 * inner + part * inner + c] = weight[c * kernel + i];
      }
    }
    ++part;
  }
  return loader.upload(all);
}

// One rate a head becomes one a column, times `factor`.
std::unique_ptr<Buffer> load_rates(WeightLoader& loader, const KimiDeltaSpec& spec,
                                   const std::string& prefix, float factor) {
  std::vector<float> rates;
  for (const float rate : loader.values(prefix + ".ssm_a", spec.heads)) {
    rates.insert(rates.end(), spec.head_width, rate * factor);
  }
  return loader.upload(rates);
}

// A projection to all heads, at once or by way of `head_width` columns.
struct Projection {
  Linear first, second;  // `second` is missing if it goes at once

  ProjectionTo begin(View low, View wide) const { return {first, second ? low : wide}; }
  void finish(const Pass& pass, View low, View wide) const {
    if (!second) return;
    project(pass, second, low, wide);
  }
};

Projection load_projection(WeightLoader& loader, const KimiDeltaSpec& spec, std::int64_t width,
                           const std::string& stem) {
  const std::int64_t inner = spec.inner();
  if (loader.has(stem + ".weight")) return {loader.linear(stem, width, inner), {}};
  if (!loader.has(stem + "_b.weight")) return {loader.linear(stem + "_a", width, inner), {}};
  return {loader.linear(stem + "_a", width, spec.head_width),
          loader.linear(stem + "_b", spec.head_width, inner)};
}

// What decays are made of.
class Decay {
 public:
  Decay(WeightLoader& loader, const KimiDeltaSpec& spec, std::int64_t width,
        const std::string& prefix)
      : projection_(load_projection(loader, spec, width, prefix + ".ssm_f")),
        bias_(loader.vector(prefix + ".ssm_dt.bias", spec.inner())) {
    if (spec.bound == 0.0f) {
      rate_ = load_rates(loader, spec, prefix, 1.0f);
      return;
    }
    rate_ = load_rates(loader, spec, prefix, -spec.rate_sign);
    bound_ = loader.upload(
        std::vector<float>(static_cast<std::size_t>(spec.inner()), std::log(-spec.bound)));
    (projection_.second ? projection_.second : projection_.first).bias = std::move(bias_);
  }

  const Projection& projection() const { return projection_; }

  void run(const Pass& pass, View step, View decay) const {
    if (!bound_) {
      return pass.backend.decay(step, {DecayKind::kSoftplus, bias_->data(), rate_->data()}, decay);
    }
    // exp(bound * sigmoid(x)) = exp(-exp(ln(-bound) - softplus(-x)))
    multiply_columns(pass.backend, step, *rate_, step);
    apply(pass.backend, Activation::kSoftplus, step);
    pass.backend.scale(step, -1.0f);
    pass.backend.decay(step, {DecayKind::kExponential, bound_->data()}, decay);
  }

 private:
  Projection projection_;
  std::unique_ptr<Buffer> bias_, rate_, bound_;
};

class KimiDelta final : public RecurrentBlock {
 public:
  KimiDelta(WeightLoader& loader, const KimiDeltaSpec& spec, std::int64_t width,
            const std::string& prefix)
      : spec_(spec),
        query_(loader.linear(prefix + ".attn_q", width, spec.inner())),
        key_(loader.linear(prefix + ".attn_k", width, spec.inner())),
        value_(loader.linear(prefix + ".attn_v", width, spec.inner())),
        gain_(loader.linear(prefix + ".ssm_beta", width, spec.heads)),
        out_(loader.linear(prefix + ".attn_output", spec.inner(), width)),
        decay_(loader, spec, width, prefix),
        gate_(load_projection(loader, spec, width, prefix + ".ssm_g")),
        norm_(loader.norm(prefix + ".ssm_norm", spec.head_width)),
        convolution_(load_convolutions(loader, spec, prefix)) {}

  std::int64_t workspace_columns() const override {
    return 10 * std::int64_t{spec_.inner()} + 2 * spec_.head_width + spec_.heads;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int inner = spec_.inner();
    const View projected = pass.workspace.view(in.rows, 3 * inner);
    const View step = pass.workspace.view(in.rows, inner);
    const View gate = pass.workspace.view(in.rows, inner);
    const View low = pass.workspace.view(in.rows, 2 * spec_.head_width);
    const View step_low = low.slice(0, spec_.head_width);
    const View gate_low = low.slice(spec_.head_width, spec_.head_width);
    const View gain = pass.workspace.view(in.rows, spec_.heads);
    project(pass, in,
            {{query_, projected.slice(0, inner)},
             {key_, projected.slice(inner, inner)},
             {value_, projected.slice(2 * inner, inner)},
             decay_.projection().begin(step_low, step),
             gate_.begin(gate_low, gate),
             {gain_, gain}});
    decay_.projection().finish(pass, step_low, step);
    gate_.finish(pass, gate_low, gate);
    apply(pass.backend, Activation::kSigmoid, gain);

    const View qkv = convolve(pass, spec_.kernel, *convolution_, nullptr, state, projected);
    const View y = pass.workspace.view(in.rows, inner);
    scan(pass, state, qkv, step, gain, y);
    normalise_rms(pass, norm_, y, spec_.head_width);
    pass.backend.gated_activation(gate, y, Activation::kSigmoid, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  void scan(const Pass& pass, StatePart state, View qkv, View step, View gain, View y) const {
    const int inner = spec_.inner();
    normalise_l2(pass, pass.model.norm_epsilon, spec_.head_width, qkv.slice(0, 2 * inner));
    const View decay = pass.workspace.view(y.rows, inner);
    decay_.run(pass, step, decay);

    ScanParams params{ScanRule::kDelta, state, spec_.heads, spec_.heads};
    params.key_width = params.value_width = spec_.head_width;
    params.scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_width));
    const ScanInput input{.query = qkv.slice(0, inner),
                          .key = qkv.slice(inner, inner),
                          .value = qkv.slice(2 * inner, inner),
                          .decay = decay,
                          .gain = gain};
    move_states(pass, ScanMove{input, params}, y);
  }

  KimiDeltaSpec spec_;
  Linear query_, key_, value_, gain_, out_;
  Decay decay_;
  Projection gate_;
  Norm norm_;
  std::unique_ptr<Buffer> convolution_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const KimiDeltaSpec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<KimiDelta>(loader, spec, width, prefix);
}

}  // namespace linnet
