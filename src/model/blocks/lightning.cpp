#include <cmath>
#include <vector>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/head_columns.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet {
namespace {

// The file has query, key and value of a head side by side; here all queries come first.
std::vector<std::int64_t> queries_first(const LightningSpec& spec) {
  const std::int64_t width = spec.head_width, sizes[] = {width, width, width};
  return parts_together(spec.heads, sizes);
}

// The slopes of ALiBi, of which later layers have less, as rates at which a head forgets.
std::vector<float> head_decays(const LightningSpec& spec) {
  std::vector<float> decays;
  for (int h = 0; h < spec.heads; ++h) {
    const double slope = std::exp2(-8.0 * (h + 1) / spec.heads);
    decays.push_back(static_cast<float>(std::exp(-slope * spec.slope_scale)));
  }
  return decays;
}

class Lightning final : public RecurrentBlock {
 public:
  Lightning(WeightLoader& loader, const LightningSpec& spec, std::int64_t width,
            const std::string& prefix)
      : spec_(spec),
        qkv_(loader.reordered(prefix + ".attn_qkv", width, 3 * std::int64_t{spec.inner()},
                              queries_first(spec))),
        gate_(loader.linear(prefix + ".attn_gate", width, spec.inner())),
        out_(loader.linear(prefix + ".attn_output", spec.inner(), width)),
        norm_(loader.norm(prefix + ".attn_norm_2", spec.inner())),
        decays_(loader.upload(head_decays(spec))) {}

  std::int64_t workspace_columns() const override {
    return 5 * std::int64_t{spec_.inner()} + spec_.heads;
  }

  void run(const Pass& pass, StatePart state, View in, View out, bool accumulate) const override {
    const Workspace::Scope scope(pass.workspace);
    const int inner = spec_.inner();
    const View qkv = pass.workspace.view(in.rows, 3 * inner);
    const View gate = pass.workspace.view(in.rows, inner);
    project(pass, in, {{qkv_, qkv}, {gate_, gate}});
    apply(pass.backend, Activation::kSilu, qkv);

    const View decay = pass.workspace.view(in.rows, spec_.heads);
    pass.backend.copy(repeated(*decays_, decay), decay);

    const View y = pass.workspace.view(in.rows, inner);
    ScanParams params{ScanRule::kAdd, state, spec_.heads, spec_.heads};
    params.key_width = params.value_width = spec_.head_width;
    const ScanInput input{qkv.slice(0, inner), qkv.slice(inner, inner), qkv.slice(2 * inner, inner),
                          decay};
    move_states(pass, ScanMove{input, params}, y);
    normalise_rms(pass, norm_, y);
    pass.backend.multiply_gate(gate, Activation::kSigmoid, y);
    project(pass, out_, y, out, accumulate);
  }

 private:
  LightningSpec spec_;
  Linear qkv_, gate_, out_;
  Norm norm_;
  std::unique_ptr<Buffer> decays_;
};

}  // namespace

RecurrentBlockPtr load_block(WeightLoader& loader, const LightningSpec& spec, std::int64_t width,
                             const std::string& prefix) {
  return std::make_unique<Lightning>(loader, spec, width, prefix);
}

}  // namespace linnet
