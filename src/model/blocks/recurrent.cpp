#include "model/blocks/recurrent.hpp"

namespace linnet {

View convolve(const Pass& pass, int kernel, const Buffer& weight, const Buffer* bias,
              StatePart& state, View in) {
  const View out = pass.workspace.view(in.rows, in.columns);
  const ConvolutionParams params{state, kernel, weight.data(), bias ? bias->data() : nullptr,
                                 Activation::kSilu};
  move_states(pass, ConvolutionMove{in, params}, out);
  state.first += std::int64_t{kernel - 1} * in.columns;
  return out;
}

std::unique_ptr<RecurrentBlock> load_recurrent(WeightLoader& loader, const RecurrentSpec& spec,
                                               std::int64_t width, const std::string& prefix) {
  return std::visit(
      [&](const auto& kind) -> std::unique_ptr<RecurrentBlock> {
        if constexpr (requires { load_block(loader, kind, width, prefix); }) {
          return load_block(loader, kind, width, prefix);
        }
        return nullptr;
      },
      spec);
}

}  // namespace linnet
