#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "backend/backend.hpp"
#include "backend/cpu/packed_matrix.hpp"
#include "backend/host_state_store.hpp"

namespace linnet::cpu {

/// The rows of a matmul's input, also in 8 bits: a scale for each block of 32 values (largest /
/// 127) and the sums of the codes of every 16.
struct Activations {
  const float* values;  ///< [rows], `stride` apart
  std::int64_t stride;
  std::int64_t columns;
  std::int8_t* codes;  ///< [rows][columns]
  float* scales;       ///< [rows][columns / 32]
  std::int32_t* sums;  ///< [rows][columns / 16]
};

/// One KV head's part of a query row: the `count` query heads that read it.
struct HeadTask {
  const float* queries;  ///< [count][key_width]
  float* out;            ///< [count][value_width]
  int first_head;
  int count;
  int kv_head;
  std::int32_t position;
  std::int32_t begin, end;  ///< visible keys
  std::span<const std::int32_t> pages;
  const std::uint32_t* selected;  ///< see KeySelection; null: all visible keys
};

/// A part of a recurrent operation: the rows of one sequence, the columns (or the head) [first,
/// last) and the state of them (of a convolution: of all columns).
struct RunTask {
  SequenceRun rows;
  std::int64_t first, last;
  float* state;
};

class PagedKvStore;

/// The inner loops for one instruction set. Every function gives the same bits in each set, and
/// what it computes for a row does not depend on the other rows.
struct Kernels {
  std::string_view name;
  void (*quantise_row)(const Activations& activations, std::int64_t row);
  // out [count][16]: the products of the strip's 16 rows with the activation rows `rows`.
  void (*multiply_strip)(const Layout& layout, const std::uint8_t* strip,
                         const Activations& activations, const std::int32_t* rows,
                         std::int64_t count, float* out);
  void (*attend)(const PagedKvStore& store, const AttentionParams& params, const HeadTask& task);
  /// scores[kPageTokens] = scale * query * key of a page's positions.
  void (*score_page)(const PagedKvStore& store, const AttentionParams& params,
                     const std::uint8_t* keys, const float* query, float* scores);
  void (*norm_row)(const float* x, std::int64_t width, NormKind kind, float epsilon,
                   const float* weight, const float* bias, float* out);
  void (*activate_row)(const float* gate, const float* up, std::int64_t width,
                       Activation activation, float* out);
  void (*softcap_row)(float* x, std::int64_t width, float cap);
  void (*convolve)(View in, const ConvolutionParams& params, const RunTask& task, View out);
  void (*scan)(const ScanInput& in, const ScanParams& params, const RunTask& task, View out);
  void (*selective_scan)(const SelectiveScanInput& in, const SelectiveScanParams& params,
                         const RunTask& task, View out);
  void (*decay_row)(float* x, std::int64_t width, const DecayParams& params, float* out);
};

/// The kernels for this machine; `name` (scalar, avx2, avx512) forces a set that the machine has,
/// else the best one is taken.
const Kernels& choose_kernels(std::string_view name = {});

const Kernels& scalar_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();

}  // namespace linnet::cpu
