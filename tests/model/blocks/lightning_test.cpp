#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

// https://arxiv.org/abs/2401.04658, formula 6: S = exp(-slope) S + k v^T, o = q S, with the slopes
// of ALiBi, here times a share.
TEST(LightningTest, IsLinearAttentionThatForgets) {
  constexpr std::int64_t kWidth = 6, kRows = 16;
  constexpr int kHeads = 4, kHead = 3, kInner = kHeads * kHead;
  test::RecurrentCase block(kWidth, kRows);
  block.file.tensor("blk.0.attn_qkv.weight", {kWidth, 3 * kInner})
      .tensor("blk.0.attn_gate.weight", {kWidth, kInner})
      .tensor("blk.0.attn_norm_2.weight", {kInner})
      .tensor("blk.0.attn_output.weight", {kInner, kWidth});
  block.run(LightningSpec{.heads = kHeads, .head_width = kHead, .slope_scale = 0.75f});

  const auto product = [&](const Rows& x, const std::string& tensor) {
    return test::product(x, block.matrix("blk.0." + tensor + ".weight"));
  };
  const Rows qkv = test::each(product(block.input(), "attn_qkv"), test::silu);
  std::vector<Rows> states(kHeads, Rows(kHead, Row(kHead)));
  Rows y(kRows);
  for (std::size_t t = 0; t < kRows; ++t) {
    for (int h = 0; h < kHeads; ++h) {  // whose query, key and value are side by side
      const auto part = [&](int which) {
        return test::columns(qkv[t], (3 * h + which) * kHead, kHead);
      };
      const double slope = std::pow(2.0, -8.0 * (h + 1) / kHeads);
      states[h] = std::exp(-0.75 * slope) * states[h] + test::outer(part(1), part(2));
      const Row out = test::read_state(states[h], part(0));
      y[t].insert(y[t].end(), out.begin(), out.end());
    }
  }
  y = test::rms_norm(y, block.vector("blk.0.attn_norm_2.weight"), 1e-5);
  const Rows gate = test::each(product(block.input(), "attn_gate"), test::sigmoid);
  test::expect_near(block.out, product(test::times(y, gate), "attn_output"));
}

}  // namespace
}  // namespace linnet
