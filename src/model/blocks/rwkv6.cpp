#include <array>
#include <cmath>
#include <vector>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/rwkv.hpp"

namespace linnet {
namespace {

constexpr int kMixes = 5;  // decay, key, value, receptance and gate, in this order

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

Presence presence(bool required) { return required ? Presence::kRequired : Presence::kOptional; }

// The rows of a projection to kv_heads, those of each head repeated for all heads that share it.
std::vector<std::int64_t> repeated_heads(const Rwkv6Spec& spec) {
  std::vector<std::int64_t> order;
  const std::int64_t shared = spec.columns / spec.head_width / spec.kv_heads;
  for (std::int64_t c = 0; c < spec.columns; ++c) {
    order.push_back(c / spec.head_width / shared * spec.head_width + c % spec.head_width);
  }
  return order;
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
        key_(loader.reordered(prefix + ".time_mix_key", width, spec.kv_columns(),
                              repeated_heads(spec))),
        value_(loader.reordered(prefix + ".time_mix_value", width, spec.kv_columns(),
                                repeated_heads(spec))),
        receptance_(loader.linear(prefix + ".time_mix_receptance", width, width)),
        gate_(loader.linear(prefix + ".time_mix_gate", width, width)),
        out_(loader.linear(prefix + ".time_mix_output", width, width)),
        norm_(loader.norm(prefix + ".time_mix_ln", width, presence(!spec.gated))),
        difference_(load_difference(loader, spec.columns)),
        first_share_(loader.vector(prefix + ".time_mix_lerp_x.weight", width)),
        shares_(load_shares(loader, width, prefix)),
        bonus_(loader.vector(prefix + ".time_mix_first.weight", width, presence(!spec.gated))),
        decay_bias_(loader.vector(prefix + ".time_mix_decay.weight", width)) {}

  std::int64_t workspace_columns() const override {
    return 15 * std::int64_t{spec_.columns} + kMixes * spec_.mix_rank + spec_.decay_rank;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int columns = spec_.columns;
    const View shift = pass.workspace.view(in.rows, columns);
    move_states(pass, ConvolutionMove{in, shift_to_previous(state, *difference_)}, shift);
    const std::array<View, kMixes> mixed = mix(pass, in, shift);

    const View decay = compute_decay(pass, mixed[0]);
    const View key = project(pass, key_, mixed[1]);
    const View value = project(pass, value_, mixed[2]);
    const View receptance = project(pass, receptance_, mixed[3]);
    const View gate = project(pass, gate_, mixed[4]);

    const View y = pass.workspace.view(in.rows, columns);
    scan(pass, {state.layer, state.first + columns}, {receptance, key, value, decay}, y);
    normalise_heads(pass, norm_, spec_.head_width, y);
    pass.backend.gated_activation(gate, y, spec_.gated ? Activation::kSigmoid : Activation::kSilu,
                                  y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  // What each projection reads: between this token and the one before, by shares that depend on
  // the data.
  std::array<View, kMixes> mix(const Pass& pass, View in, View shift) const {
    const View mixed = pass.workspace.view(in.rows, spec_.columns);
    pass.backend.mix_shifted(in, shift, first_share_->data(), {}, mixed);
    const View low = project(pass, mix_low_, mixed);
    apply(pass.backend, Activation::kTanh, low);
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

  void scan(const Pass& pass, StatePart state, const ScanInput& input, View y) const {
    const int heads = spec_.columns / spec_.head_width;
    ScanParams params{ScanRule::kBonus, state, heads, heads};
    params.key_width = params.value_width = spec_.head_width;
    if (spec_.gated) {
      params.rule = ScanRule::kAdd;
      params.scale = 1.0f / std::sqrt(static_cast<float>(spec_.head_width));
      shrink_keys(pass, input);
    } else {
      params.bonus = bonus_->data();
    }
    move_states(pass, ScanMove{input, params}, y);
  }

  // key = key * (1 - decay)
  void shrink_keys(const Pass& pass, const ScanInput& input) const {
    const Workspace::Scope scope(pass.workspace);
    const View negative = pass.workspace.view(input.decay.rows, spec_.columns);
    pass.backend.copy(input.decay, negative);
    pass.backend.scale(negative, -1.0f);
    pass.backend.mix_shifted(input.key, input.key, nullptr, negative, input.key);
  }

  View compute_decay(const Pass& pass, View in) const {
    const View low = project(pass, decay_low_, in);
    apply(pass.backend, Activation::kTanh, low);
    const View decay = project(pass, decay_, low);
    pass.backend.decay(decay, {DecayKind::kExponential, decay_bias_->data()}, decay);
    return decay;
  }

  Rwkv6Spec spec_;
  Linear mix_low_;
  std::vector<Linear> mixes_;
  Linear decay_low_, decay_, key_, value_, receptance_, gate_, out_;
  Norm norm_;
  std::unique_ptr<Buffer> difference_, first_share_, shares_, bonus_, decay_bias_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const Rwkv6Spec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<Rwkv6>(loader, spec, width, prefix);
}

}  // namespace linnet
