#include "architectures/recurrent.hpp"

namespace linnet {
namespace {

// Far above what models have, and low enough for products of two to fit an int.
constexpr std::int64_t kWidest = 1 << 20;
constexpr std::int64_t kWidestState = 1 << 10;
constexpr std::int64_t kLongestKernel = 64;

}  // namespace

MambaSpec read_mamba_sizes(Hyperparameters& p) {
  MambaSpec spec;
  spec.inner = static_cast<int>(p.required_count("ssm.inner_size", kWidest));
  spec.state_width = static_cast<int>(p.required_count("ssm.state_size", kWidestState));
  spec.kernel = static_cast<int>(p.required_count("ssm.conv_kernel", kLongestKernel));
  spec.step_rank = static_cast<int>(p.required_count("ssm.time_step_rank", kWidest));
  spec.bare_norms = p.boolean("ssm.dt_b_c_rms", false);
  if (spec.kernel < 2) p.fail("metadata key ssm.conv_kernel is 1, expected at least 2");
  return spec;
}

}  // namespace linnet
