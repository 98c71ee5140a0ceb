#include "model/blocks/rwkv.hpp"

#include <vector>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {

std::unique_ptr<Buffer> load_difference(WeightLoader& loader, int columns) {
  std::vector<float> weight(static_cast<std::size_t>(columns), 1.0f);
  weight.resize(2 * weight.size(), -1.0f);
  return loader.upload(weight);
}

ConvolutionParams shift_to_previous(StatePart state, const Buffer& difference) {
  return {state, 2, difference.data(), nullptr, {}};
}

void normalise_heads(const Pass& pass, const Norm& norm, int head_width, View y) {
  constexpr float kEpsilon = 64e-5f;
  if (!norm) return;
  NormParams params = norm.params(NormKind::kLayer, kEpsilon, head_width);
  params.weight_per_column = true;
  pass.backend.norm(y, params, y);
}

namespace {

class RwkvChannelMix final : public RecurrentBlock {
 public:
  RwkvChannelMix(WeightLoader& loader, const RwkvChannelMixSpec& spec, std::int64_t width,
                 const std::string& prefix)
      : spec_(spec),
        key_(loader.linear(prefix + ".channel_mix_key", width, spec.inner)),
        value_(loader.linear(prefix + ".channel_mix_value", spec.inner, width)),
        receptance_(
            loader.linear(prefix + ".channel_mix_receptance", width, width, Presence::kOptional)),
        difference_(load_difference(loader, spec.columns)),
        key_share_(loader.vector(prefix + ".channel_mix_lerp_k.weight", width)),
        receptance_share_(loader.vector(prefix + ".channel_mix_lerp_r.weight", width,
                                        receptance_ ? Presence::kRequired : Presence::kOptional)) {}

  std::int64_t workspace_columns() const override {
    return 4 * std::int64_t{spec_.columns} + spec_.inner;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const View shift = pass.workspace.view(in.rows, spec_.columns);
    const View mixed = pass.workspace.view(in.rows, spec_.columns);
    move_states(pass, ConvolutionMove{in, shift_to_previous(state, *difference_)}, shift);

    pass.backend.mix_shifted(in, shift, key_share_->data(), {}, mixed);
    const View inner = project(pass, key_, mixed);
    apply(pass.backend, Activation::kReluSquared, inner);
    if (!receptance_) return project(pass, value_, inner, out, accumulate);
    const View result = project(pass, value_, inner);
    pass.backend.mix_shifted(in, shift, receptance_share_->data(), {}, mixed);
    const View receptance = project(pass, receptance_, mixed);
    pass.backend.gated_activation(receptance, result, Activation::kSigmoid, result);
    pass.backend.add_scaled(result, 1.0f, accumulate ? 1.0f : 0.0f, out);
  }

 private:
  RwkvChannelMixSpec spec_;
  Linear key_, value_, receptance_;
  std::unique_ptr<Buffer> difference_, key_share_, receptance_share_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const RwkvChannelMixSpec& spec,
                             std::int64_t width, const std::string& prefix) {
  return std::make_unique<RwkvChannelMix>(loader, spec, width, prefix);
}

}  // namespace linnet
