// What a type says of its codes and scales must hold for every block there can be.
#include "formats/block_format.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>

#include "formats/iq1_m.hpp"
#include "formats/iq1_s.hpp"
#include "formats/iq2_s.hpp"
#include "formats/iq2_xs.hpp"
#include "formats/iq2_xxs.hpp"
#include "formats/iq3_s.hpp"
#include "formats/iq3_xxs.hpp"
#include "formats/iq4_nl.hpp"
#include "formats/iq4_xs.hpp"
#include "formats/mxfp4.hpp"
#include "formats/nvfp4.hpp"
#include "formats/q1_0.hpp"
#include "formats/q2_0.hpp"
#include "formats/q2_k.hpp"
#include "formats/q3_k.hpp"
#include "formats/q4_0.hpp"
#include "formats/q4_1.hpp"
#include "formats/q4_k.hpp"
#include "formats/q5_0.hpp"
#include "formats/q5_1.hpp"
#include "formats/q5_k.hpp"
#include "formats/q6_k.hpp"
#include "formats/q8_0.hpp"
#include "formats/tq1_0.hpp"
#include "formats/tq2_0.hpp"

namespace linnet::formats {
namespace {

template <class T>
class BlockFormatTest : public testing::Test {
 protected:
  static constexpr int kBlocks = 200;

  typename T::Block random_block() {
    typename T::Block block;
    auto* bytes = reinterpret_cast<unsigned char*>(&block);
    for (std::size_t i = 0; i < sizeof(block); ++i)
      bytes[i] = static_cast<unsigned char>(random_());
    return block;
  }

 private:
  std::mt19937 random_{11};
};

using Types = testing::Types<IQ1_M, IQ1_S, IQ2_S, IQ2_XS, IQ2_XXS, IQ3_S, IQ3_XXS, IQ4_NL, IQ4_XS,
                             MXFP4, NVFP4, Q1_0, Q2_0, Q2_K, Q3_K, Q4_0, Q4_1, Q4_K, Q5_0, Q5_1,
                             Q5_K, Q6_K, Q8_0, TQ1_0, TQ2_0>;

class TypeNames {
 public:
  template <class T>
  static std::string GetName(int) {
    return std::string(T::name);
  }
};
TYPED_TEST_SUITE(BlockFormatTest, Types, TypeNames);

TYPED_TEST(BlockFormatTest, stored_codes_have_so_many_bits) {
  using T = TypeParam;
  for (int i = 0; i < this->kBlocks; ++i) {
    std::uint8_t stored[T::block_elements];
    T::unpack_stored(this->random_block(), stored);
    for (const std::uint8_t number : stored) ASSERT_LT(number, 1 << T::code_bits);
  }
}

TYPED_TEST(BlockFormatTest, half_precision_loses_nothing_of_scales) {
  using T = TypeParam;
  if constexpr (T::scales_fit_half) {
    const auto returns = [](float value) {
      return std::isnan(value) || half_to_float(float_to_half(value)) == value;
    };
    for (int i = 0; i < this->kBlocks; ++i) {
      const auto block = this->random_block();
      if constexpr (T::has_super_scale) {
        SuperScales<T::groups> super{};
        T::unpack_super_scales(block, super);
        ASSERT_TRUE(returns(super.super_scale));
        ASSERT_TRUE(returns(super.super_minimum));
      } else {
        float scales[T::groups];
        float minimums[T::groups] = {};
        unpack_all_scales<T>(block, scales, minimums);
        ASSERT_TRUE(std::ranges::all_of(scales, returns));
        ASSERT_TRUE(std::ranges::all_of(minimums, returns));
      }
    }
  }
}

}  // namespace
}  // namespace linnet::formats
