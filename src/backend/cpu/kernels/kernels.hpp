#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "backend/backend.hpp"
#include "backend/cpu/packed_layout.hpp"
#include "backend/host_state_store.hpp"

namespace linnet::cpu {

inline constexpr std::int64_t kPanelBlocks = kPanel / kBlock;

/// A panel of an activation row in 8 bits: with a scale for each block of 32 values, the sums of
/// the codes of every 32 and of every 16, and -scale * sum of them, which minimums are multiplied
/// with.
struct alignas(64) ActivationPanel {
  std::int8_t codes[kPanel];
  float scales[kPanelBlocks];
  std::int32_t sums[kPanelBlocks];
  std::int32_t half_sums[2 * kPanelBlocks];
  float half_shifts[2 * kPanelBlocks];
  float shifts[kPanelBlocks];
};

/// The same in 14 bits and a sign: what weights of 16-bit codes are multiplied with. Codes past the
/// end of a row, up to the next whole block, are 0.
struct alignas(64) Int16Panel {
  std::int16_t codes[kPanel];
  float scales[kPanelBlocks];
};

/// The rows of a matmul's input. For integer weights also as integers; these lie as [panels][rows],
/// so that the rows of a panel share a part of the cache.
struct Activations {
  const float* values;  ///< [rows], `stride` apart
  std::int64_t stride;
  std::int64_t rows;
  std::int64_t columns;
  ActivationPanel* panels;
  Int16Panel* int16_panels;
  ActivationPanel& panel(std::int64_t index, std::int64_t row) const {
    return panels[index * rows + row];
  }
  Int16Panel& int16_panel(std::int64_t index, std::int64_t row) const {
    return int16_panels[index * rows + row];
  }
};

/// Query rows of a task at most.
inline constexpr int kMostQueryRows = 64;
/// Keys whose softmax is computed on its own before it is merged with that of the keys before.
inline constexpr std::int32_t kPartKeys = 1024;

/// What becomes of products: x = product * scale + bias, and then out = x, out += x or
/// out *= activation(x).
enum class Combine { kReplace, kAdd, kGate };
struct Epilogue {
  float scale;
  const float* bias;  ///< of the first output, or null
  Combine combine = Combine::kReplace;
  Activation activation = Activation::kIdentity;  ///< kGate only
};

/// Neighbouring strips of a matrix.
struct StripRun {
  const Layout& layout;
  const std::uint8_t* bytes;  ///< of the first one
  std::int64_t strip_bytes;   ///< from one to the next
  int strips;
};

/// One query head of a row.
struct QueryRow {
  const float* query;  ///< [key_width]
  int head;
  std::int32_t position;
  std::int32_t begin, end;        ///< visible keys
  const std::uint32_t* selected;  ///< see KeySelection; null: all visible keys
};

/// Query rows of one sequence that read the same KV head, and so share one pass over its pages.
struct AttentionTask {
  const QueryRow* rows;
  int count;
  int kv_head;
  std::span<const std::int32_t> pages;
};

/// The running softmax of query rows: the largest score, the sum of exponentials, and [rows][value
/// width padded to 16] the weighted sums of values.
struct SoftmaxSums {
  float* largest;
  float* sum;
  float* values;
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
  /// Writes the panels of a row.
  void (*quantise_row)(const Activations& activations, std::int64_t row);
  void (*quantise_row_int16)(const Activations& activations, std::int64_t row);
  /// Strips that `multiply` takes at a time, besides 1.
  int strips;
  /// out [count][run.strips][16 rows of a strip]: the products of the strips' rows with the
  /// activation rows `rows`. run.strips is 1 or `strips`.
  void (*multiply)(const StripRun& run, const Activations& activations, const std::int32_t* rows,
                   std::int64_t count, float* out);
  /// products [count][stride] to the first `outputs` <= stride of each row out[i].
  void (*finish)(const float* products, std::int64_t stride, std::int64_t outputs,
                 const Epilogue& epilogue, float* const* out, std::int64_t count);
  /// Begins `sums` and adds the keys [begin, end); there may be none.
  void (*attend)(const PagedKvStore& store, const AttentionParams& params,
                 const AttentionTask& task, std::int32_t begin, std::int32_t end,
                 const SoftmaxSums& sums);
  /// Adds what `part` has summed to `total`.
  void (*merge_sums)(const SoftmaxSums& part, int rows, int width, const SoftmaxSums& total);
  /// scores[kPageTokens] = scale * query * key of a page's positions, of the task's only row.
  void (*score_page)(const PagedKvStore& store, const AttentionParams& params,
                     const AttentionTask& task, std::int32_t page, float* scores);
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

/// The kernels for this machine; `name` (see choose.cpp) forces a set that the machine has,
/// else the best one is taken.
const Kernels& choose_kernels(std::string_view name = {});

const Kernels& scalar_kernels();
const Kernels& avx2_kernels();
const Kernels& avx_vnni_kernels();
const Kernels& avx512_kernels();
const Kernels& avx512_amx_kernels();
const Kernels& neon_kernels();
const Kernels& neon_dotprod_kernels();
const Kernels& neon_i8mm_kernels();

}  // namespace linnet::cpu
