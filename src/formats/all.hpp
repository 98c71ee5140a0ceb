#pragma once

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
#include "formats/plain.hpp"
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

/// Calls visit.operator()<T>() for every type that is made of codes and scales.
template <class Visit>
constexpr void for_each_quantised(Visit&& visit) {
  const auto each = [&]<class... T>() { (visit.template operator()<T>(), ...); };
  each.template
  operator()<Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ2_XXS, IQ2_XS, IQ3_XXS,
             IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, IQ1_M, TQ1_0, TQ2_0, MXFP4, NVFP4, Q1_0, Q2_0>();
}

inline constexpr int kQuantisedCount = [] {
  int count = 0;
  for_each_quantised([&]<class T>() { ++count; });
  return count;
}();

}  // namespace linnet::formats
