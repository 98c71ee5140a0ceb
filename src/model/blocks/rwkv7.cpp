#include <vector>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/rwkv.hpp"

namespace linnet {
namespace {

// What each projection reads, in the order of time_mix_lerp_fused.
enum Mix { kReceptance, kDecay, kKey, kValue, kRate, kGate };

constexpr float kUnitEpsilon = 1e-12f;

// A projection through a low rank: to.weight * f(from.weight * x) + base.
struct LowRank {
  Linear from, to;

  LowRank(WeightLoader& loader, const std::string& stem, std::int64_t width, std::int64_t rank,
          bool with_base)
      : from(loader.linear(stem + "1", width, rank)), to(loader.linear(stem + "2", rank, width)) {
    if (with_base) to.bias = loader.vector(stem + "0.weight", width);
  }

  View operator()(const Pass& pass, View in, Activation activation) const {
    const View low = project(pass, from, in);
    if (activation != Activation::kIdentity) apply(pass.backend, activation, low);
    return project(pass, to, low);
  }
};

class Rwkv7 final : public RecurrentBlock {
 public:
  Rwkv7(WeightLoader& loader, const Rwkv7Spec& spec, std::int64_t width, const std::string& prefix)
      : spec_(spec),
        decay_(loader, prefix + ".time_mix_w", width, spec.decay_rank, true),
        rate_(loader, prefix + ".time_mix_a", width, spec.rate_rank, true),
        key_(loader.linear(prefix + ".time_mix_key", width, width)),
        value_(loader.linear(prefix + ".time_mix_value", width, width)),
        receptance_(loader.linear(prefix + ".time_mix_receptance", width, width)),
        out_(loader.linear(prefix + ".time_mix_output", width, width)),
        norm_(loader.norm(prefix + ".time_mix_ln", width, Presence::kOptional)),
        difference_(load_difference(loader, spec.columns)),
        unit_key_factor_(loader.vector(prefix + ".time_mix_k_k.weight", width)),
        bonus_(loader.vector(prefix + ".time_mix_r_k.weight", width)) {
    const bool has_gate = loader.has(prefix + ".time_mix_g1.weight");
    shares_ = loader.vector(prefix + ".time_mix_lerp_fused.weight",
                            (has_gate ? kGate + 1 : kGate) * width);
    if (has_gate) {
      gate_ =
          std::make_unique<LowRank>(loader, prefix + ".time_mix_g", width, spec.gate_rank, false);
    }
    if (spec.first) {
      loader.ignore(prefix + ".time_mix_v");  // written, but of no use in the first layer
    } else {
      value_share_ =
          std::make_unique<LowRank>(loader, prefix + ".time_mix_v", width, spec.value_rank, true);
    }
    std::vector<float> factor = loader.values(prefix + ".time_mix_k_a.weight", width);
    rate_factor_ = loader.upload(factor);
    for (float& value : factor) value = -value;
    minus_rate_factor_ = loader.upload(factor);
    zeros_ = loader.upload(std::vector<float>(static_cast<std::size_t>(width), 0.0f));
  }

  std::int64_t workspace_columns() const override {
    return 14 * std::int64_t{spec_.columns} + spec_.decay_rank + spec_.rate_rank +
           spec_.value_rank + spec_.gate_rank + spec_.columns / spec_.head_width;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    Backend& backend = pass.backend;
    const View shift = pass.workspace.view(in.rows, spec_.columns);
    const View mixed = pass.workspace.view(in.rows, spec_.columns);
    move_states(pass, ConvolutionMove{in, shift_to_previous(state, *difference_)}, shift);

    const View receptance = project(pass, receptance_, mix(pass, in, shift, kReceptance, mixed));
    const View decay = decay_(pass, mix(pass, in, shift, kDecay, mixed), Activation::kTanh);
    backend.decay(decay, {DecayKind::kSigmoid}, decay);
    const View key = project(pass, key_, mix(pass, in, shift, kKey, mixed));
    const View value = compute_value(pass, mix(pass, in, shift, kValue, mixed));
    const View rate = rate_(pass, mix(pass, in, shift, kRate, mixed), Activation::kIdentity);

    const View unit_key = pass.workspace.view(in.rows, spec_.columns);
    const View added = pass.workspace.view(in.rows, spec_.columns);
    prepare_keys(pass, key, rate, unit_key, added);
    const View y = pass.workspace.view(in.rows, spec_.columns);
    scan(pass, {state.layer, state.first + spec_.columns},
         {receptance, key, value, decay, {}, unit_key, added}, y);
    add_bonus(pass, receptance, key, value, y);
    if (gate_) {
      const View gate = (*gate_)(pass, mix(pass, in, shift, kGate, mixed), Activation::kSigmoid);
      backend.gated_activation(gate, y, Activation::kIdentity, y);
    }
    project(pass, out_, y, out, accumulate);
  }

 private:
  View mix(const Pass& pass, View in, View shift, Mix which, View out) const {
    pass.backend.mix_shifted(in, shift, shares_->data() + std::int64_t{which} * spec_.columns, {},
                             out);
    return out;
  }

  // Later layers mix in the values of the first one.
  View compute_value(const Pass& pass, View in) const {
    const View value = project(pass, value_, in);
    if (spec_.first) {
      pass.backend.copy(value, pass.shared);
      return value;
    }
    const Workspace::Scope scope(pass.workspace);
    const View share = (*value_share_)(pass, in, Activation::kIdentity);
    apply(pass.backend, Activation::kSigmoid, share);
    const View difference = pass.workspace.view(in.rows, spec_.columns);
    pass.backend.copy(pass.shared, difference);
    pass.backend.add_scaled(value, -1.0f, 1.0f, difference);
    pass.backend.mix_shifted(value, difference, nullptr, share, value);
    return value;
  }

  // With the learning rate a = sigmoid(rate): unit_key = key * k_k, each head of length 1;
  // added = unit_key * a; key = key * (1 + (a - 1) * k_a).
  void prepare_keys(const Pass& pass, View key, View rate, View unit_key, View added) const {
    pass.backend.mix_shifted(repeated(*zeros_, key), key, unit_key_factor_->data(), {}, unit_key);
    normalise_l2(pass, kUnitEpsilon, spec_.head_width, unit_key);
    pass.backend.gated_activation(rate, unit_key, Activation::kSigmoid, added);
    pass.backend.gated_activation(rate, repeated(*rate_factor_, key), Activation::kSigmoid, rate);
    pass.backend.mix_shifted(key, key, minus_rate_factor_->data(), rate, key);
  }

  void scan(const Pass& pass, StatePart state, const ScanInput& input, View y) const {
    const int heads = spec_.columns / spec_.head_width;
    ScanParams params{ScanRule::kReplace, state, heads, heads};
    params.key_width = params.value_width = spec_.head_width;
    move_states(pass, ScanMove{input, params}, y);
    normalise_heads(pass, norm_, spec_.head_width, y);
  }

  // y += value * (sum over the head of receptance * key * r_k)
  void add_bonus(const Pass& pass, View receptance, View key, View value, View y) const {
    const View factor = pass.workspace.view(y.rows, spec_.columns / spec_.head_width);
    pass.backend.dot_heads(receptance, key, bonus_->data(), factor);
    pass.backend.multiply_gate(factor, Activation::kIdentity, value);
    add(pass.backend, value, y);
  }

  Rwkv7Spec spec_;
  LowRank decay_, rate_;
  std::unique_ptr<LowRank> value_share_, gate_;
  Linear key_, value_, receptance_, out_;
  Norm norm_;
  std::unique_ptr<Buffer> difference_, shares_, unit_key_factor_, bonus_;
  std::unique_ptr<Buffer> rate_factor_, minus_rate_factor_;  // k_a
  std::unique_ptr<Buffer> zeros_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const Rwkv7Spec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<Rwkv7>(loader, spec, width, prefix);
}

}  // namespace linnet
