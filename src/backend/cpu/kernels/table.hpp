#pragma once

#include "backend/cpu/kernels/attention.hpp"
#include "backend/cpu/kernels/elementwise.hpp"
#include "backend/cpu/kernels/matmul.hpp"
#include "backend/cpu/kernels/quantise.hpp"
#include "backend/cpu/kernels/recurrent.hpp"

namespace linnet::cpu {

/// The kernels for the instruction set S.
template <class S>
const Kernels& kernel_table() {
  static constexpr Kernels kTable{
      S::kName,        quantise_row<S>, quantise_row_int16<S>, S::kTileStrips, multiply<S>,
      finish<S>,       attend<S>,       merge_sums<S>,         score_page<S>,  norm_row<S>,
      activate_row<S>, softcap_row<S>,  convolve<S>,           scan<S>,        selective_scan<S>,
      decay_row<S>};
  return kTable;
}

}  // namespace linnet::cpu
