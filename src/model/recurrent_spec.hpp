#pragma once

#include <cstdint>
#include <variant>

namespace linnet {

/// LFM2's mixer: c * convolution(b * x) (https://www.liquid.ai/blog/liquid-foundation-models-v2).
struct ShortConvolutionSpec {
  int columns = 0;
  int kernel = 0;

  std::int64_t state_floats() const { return std::int64_t{kernel - 1} * columns; }
};

/// Mamba (https://arxiv.org/abs/2312.00752).
struct MambaSpec {
  int inner = 0;  ///< channels
  int state_width = 0;
  int kernel = 0;
  int step_rank = 0;
  bool bare_norms = false;  ///< step, input and output are normalised without weights (FalconMamba)

  std::int64_t state_floats() const {
    return std::int64_t{inner} * (kernel - 1) + std::int64_t{inner} * state_width;
  }
};

/// A layer's mixer besides (or instead of) attention, with a state of its own for each sequence.
using RecurrentSpec = std::variant<std::monostate, ShortConvolutionSpec, MambaSpec>;

inline bool is_present(const RecurrentSpec& spec) { return spec.index() != 0; }

/// Floats that the mixer keeps of a sequence.
inline std::int64_t state_floats(const RecurrentSpec& spec) {
  return std::visit(
      [](const auto& kind) -> std::int64_t {
        if constexpr (requires { kind.state_floats(); }) return kind.state_floats();
        return 0;
      },
      spec);
}

}  // namespace linnet
