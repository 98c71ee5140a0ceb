#include <array>
#include <vector>

#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

constexpr int kMixes = 5;  // decay, key, value, receptance and gate, in this order
constexpr float kGroupNormEpsilon = 64e-5f;

// Weights for the convolution that gives the difference to the token before.
std::unique_ptr<Buffer> difference(WeightLoader& loader, int columns) {
  std::vector<float> weight(static_cast<std::size_t>(columns), 1.0f);
  weight.resize(2 * weight.size(), -1.0f);
  return loader.upload(weight);
}

ConvolutionParams shift_params(StatePart state, const Buffer& difference) {
  return {state, 2, difference.data(), nullptr, {}};
}

// [kMixes][columns]: in one tensor, or in five of older files.
std::unique_ptr<Buffer> load_shares(WeightLoader& loader, std::int64_t columns,
                                    const std::string& prefix) {
  std::vector<float> all =
      loader.values(prefix + ".time_mix_lerp_fused.weight", kMixes * columns, Presence::kOptional);
  const bool is_fused = !all.empty();
  for (const char* name : {"w", "k", "v", "r", "g"}) {
    const std::vector<float> part =
        loader.values(prefix + ".time_mix_lerp_" + name + ".weight", columns,
                      is_fused ? Presence::kOptional : Presence::kRequired);
    if (!is_fused) all.insert(all.end(), part.begin(), part.end());
  }
  return loader.upload(all);
}

class Rwkv6 final : public RecurrentBlock {
 public:
  Rwkv6(WeightLoader& loader, const Rwkv6Spec& spec, std::int64_t width, const std::string& prefix)
      : spec_(spec),
        mix_low_(
            loader.linear(prefix + ".time_mix_w1", width, kMixes * std::int64_t{spec.mix_rank})),
        mixes_(loader.slices(prefix + ".time_mix_w2", spec.mix_rank, width, kMixes)),
        decay_low_(loader.linear(prefix + ".time_mix_decay_w1", width, spec.decay_rank)),
        decay_(loader.linear(prefix + ".time_mix_decay_w2", spec.decay_rank, width)),
        key_(loader.linear(prefix + ".time_mix_key", width, width)),
        value_(loader.linear(prefix + ".time_mix_value", width, width)),
        receptance_(loader.linear(prefix + ".time_mix_receptance", width, width)),
        gate_(loader.linear(prefix + ".time_mix_gate", width, width)),
        out_(loader.linear(prefix + ".time_mix_output", width, width)),
        norm_(loader.norm(prefix + ".time_mix_ln", width)),
        difference_(difference(loader, spec.columns)),
        first_share_(loader.vector(prefix + ".time_mix_lerp_x.weight", width)),
        shares_(load_shares(loader, width, prefix)),
        bonus_(loader.vector(prefix + ".time_mix_first.weight", width)),
        decay_bias_(loader.vector(prefix + ".time_mix_decay.weight", width)) {}

  std::int64_t workspace_columns() const override {
    return 14 * std::int64_t{spec_.columns} + kMixes * spec_.mix_rank + spec_.decay_rank;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int columns = spec_.columns;
    const View shift = pass.workspace.view(in.rows, columns);
    pass.backend.convolve(*pass.states, in, shift_params(state, *difference_), pass.batch, shift);
    const std::array<View, kMixes> mixed = mix(pass, in, shift);

    const View decay = pass.workspace.view(in.rows, columns);
    compute_decay(pass, mixed[0], decay);
    const View key = project(pass, key_, mixed[1]);
    const View value = project(pass, value_, mixed[2]);
    const View receptance = project(pass, receptance_, mixed[3]);
    const View gate = project(pass, gate_, mixed[4]);

    const int heads = columns / spec_.head_width;
    ScanParams params{ScanRule::kBonus, {state.layer, state.first + columns}, heads, heads};
    params.key_width = params.value_width = spec_.head_width;
    params.bonus = bonus_->data();
    const View y = pass.workspace.view(in.rows, columns);
    pass.backend.scan(*pass.states, {receptance, key, value, decay, {}, {}, {}}, params, pass.batch,
                      y);

    NormParams norm{NormKind::kLayer, kGroupNormEpsilon, norm_.weight_data(), norm_.bias_data()};
    norm.group = spec_.head_width;
    norm.weight_per_column = true;
    pass.backend.norm(y, norm, y);
    pass.backend.gated_activation(gate, y, Activation::kSilu, y);
    const MatmulOutput output = accumulate ? out_.add_to(out) : out_.to(out);
    pass.backend.matmul(y, {&output, 1});
  }

 private:
  // What each projection reads: between this token and the one before, by shares that depend on
  // the data.
  std::array<View, kMixes> mix(const Pass& pass, View in, View shift) const {
    const View mixed = pass.workspace.view(in.rows, spec_.columns);
    pass.backend.mix_shifted(in, shift, first_share_->data(), {}, mixed);
    const View low = project(pass, mix_low_, mixed);
    pass.backend.gated_activation(low, View{}, Activation::kTanh, low);
    std::array<View, kMixes> result;
    for (int i = 0; i < kMixes; ++i) {
      const View share =
          project(pass, mixes_[i], low.slice(std::int64_t{i} * spec_.mix_rank, spec_.mix_rank));
      pass.backend.mix_shifted(in, shift, shares_->data() + std::int64_t{i} * spec_.columns, share,
                               share);
      result[i] = share;
    }
    return result;
  }

  void compute_decay(const Pass& pass, View in, View decay) const {
    const View low = project(pass, decay_low_, in);
    pass.backend.gated_activation(low, View{}, Activation::kTanh, low);
    const MatmulOutput widened = decay_.to(decay);
    pass.backend.matmul(low, {&widened, 1});
    pass.backend.decay(decay, {DecayKind::kExponential, decay_bias_->data(), nullptr}, decay);
  }

  static View project(const Pass& pass, const Linear& linear, View in) {
    const View result = pass.workspace.view(in.rows, linear.weight->rows());
    const MatmulOutput output = linear.to(result);
    pass.backend.matmul(in, {&output, 1});
    return result;
  }

  Rwkv6Spec spec_;
  Linear mix_low_;
  std::vector<Linear> mixes_;
  Linear decay_low_, decay_, key_, value_, receptance_, gate_, out_;
  Norm norm_;
  std::unique_ptr<Buffer> difference_, first_share_, shares_, bonus_, decay_bias_;
};

class RwkvChannelMix final : public RecurrentBlock {
 public:
  RwkvChannelMix(WeightLoader& loader, const RwkvChannelMixSpec& spec, std::int64_t width,
                 const std::string& prefix)
      : spec_(spec),
        key_(loader.linear(prefix + ".channel_mix_key", width, spec.inner)),
        value_(loader.linear(prefix + ".channel_mix_value", spec.inner, width)),
        receptance_(loader.linear(prefix + ".channel_mix_receptance", width, width)),
        difference_(difference(loader, spec.columns)),
        key_share_(loader.vector(prefix + ".channel_mix_lerp_k.weight", width)),
        receptance_share_(loader.vector(prefix + ".channel_mix_lerp_r.weight", width)) {}

  std::int64_t workspace_columns() const override {
    return 4 * std::int64_t{spec_.columns} + spec_.inner;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const View shift = pass.workspace.view(in.rows, spec_.columns);
    const View mixed = pass.workspace.view(in.rows, spec_.columns);
    pass.backend.convolve(*pass.states, in, shift_params(state, *difference_), pass.batch, shift);

    pass.backend.mix_shifted(in, shift, key_share_->data(), {}, mixed);
    const View inner = pass.workspace.view(in.rows, spec_.inner);
    const MatmulOutput keys = key_.to(inner);
    pass.backend.matmul(mixed, {&keys, 1});
    pass.backend.gated_activation(inner, View{}, Activation::kReluSquared, inner);
    const View result = accumulate ? pass.workspace.view(in.rows, spec_.columns) : out;
    const MatmulOutput values = value_.to(result);
    pass.backend.matmul(inner, {&values, 1});

    pass.backend.mix_shifted(in, shift, receptance_share_->data(), {}, mixed);
    const View receptance = pass.workspace.view(in.rows, spec_.columns);
    const MatmulOutput receptances = receptance_.to(receptance);
    pass.backend.matmul(mixed, {&receptances, 1});
    pass.backend.multiply_gate(receptance, Activation::kSigmoid, result);
    if (accumulate) pass.backend.add_scaled(result, 1.0f, 1.0f, out);
  }

 private:
  RwkvChannelMixSpec spec_;
  Linear key_, value_, receptance_;
  std::unique_ptr<Buffer> difference_, key_share_, receptance_share_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const Rwkv6Spec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<Rwkv6>(loader, spec, width, prefix);
}

RecurrentBlockPtr load_block(WeightLoader& loader, const RwkvChannelMixSpec& spec,
                             std::int64_t width, const std::string& prefix) {
  return std::make_unique<RwkvChannelMix>(loader, spec, width, prefix);
}

}  // namespace linnet
