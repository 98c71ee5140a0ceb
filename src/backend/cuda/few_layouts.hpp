#pragma once

#include "backend/cuda/weights_view.hpp"

namespace linnet::cuda {

template <class... L>
struct LayoutList {};

/// The layouts of integer codes that pack_weights makes: products of few rows are compiled for
/// each.
using FewLayouts =
    LayoutList<LayoutOf<Codes::kBits8, Scales::kHalf, false, false>,       // Q8_0
               LayoutOf<Codes::kBits6, Scales::kSuper, false, true>,       // Q6_K
               LayoutOf<Codes::kBits5, Scales::kHalf, false, false>,       // Q5_0
               LayoutOf<Codes::kBits5, Scales::kHalf, true, false>,        // Q5_1
               LayoutOf<Codes::kBits5, Scales::kSuper, true, false>,       // Q5_K
               LayoutOf<Codes::kBits4, Scales::kHalf, false, false>,       // Q4_0
               LayoutOf<Codes::kBits4, Scales::kHalf, true, false>,        // Q4_1
               LayoutOf<Codes::kBits4, Scales::kSuper, true, false>,       // Q4_K
               LayoutOf<Codes::kTable4, Scales::kHalf, false, false>,      // IQ4_NL
               LayoutOf<Codes::kTable4, Scales::kHalf, false, true>,       // NVFP4
               LayoutOf<Codes::kTable4, Scales::kSuper, false, false>,     // IQ4_XS, IQ2_XXS ...
               LayoutOf<Codes::kTable4, Scales::kBfloat16, false, false>,  // MXFP4
               LayoutOf<Codes::kBits3, Scales::kSuper, false, true>,       // Q3_K
               LayoutOf<Codes::kTable3, Scales::kSuper, false, false>,     // IQ3_XXS ...
               LayoutOf<Codes::kTable3, Scales::kSuper, false, true>,      // IQ2_XS ...
               LayoutOf<Codes::kBits2, Scales::kSuper, true, true>,        // Q2_K
               LayoutOf<Codes::kBits2, Scales::kHalf, false, false>,       // TQ1_0, TQ2_0
               LayoutOf<Codes::kBits1, Scales::kHalf, false, false>>;      // Q1_0

}  // namespace linnet::cuda
