#include "gguf/tensor_names.hpp"

#include <gtest/gtest.h>

namespace linnet::gguf {
namespace {

TEST(TensorNames, LayersAreNumbersBetweenPoints) {
  EXPECT_EQ(layer_of("blk.0.attn_q.weight"), 0);
  EXPECT_EQ(layer_of("blk.17.attn_v.weight"), 17);
  EXPECT_EQ(layer_of("blk.2147483647.attn_v.weight"), 2147483647);
}

TEST(TensorNames, OtherNamesHaveNoLayer) {
  for (const char* const name :
       {"", "output.weight", "enc.blk.1.attn_q.weight", "v.blk.1.attn_q.weight", "blk.", "blk..x",
        "blk.x", "blk.3", "blk.3x.y", "blk.-1.x", "blk.+1.x", "blk. 1.x", "blk.2147483648.x"}) {
    EXPECT_EQ(layer_of(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace linnet::gguf
