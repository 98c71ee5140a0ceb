#pragma once

#include <algorithm>
#include <vector>

#include "backend/backend.hpp"
#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/packed_matrix.hpp"
#include "backend/host_state_store.hpp"
#include "backend/key_selection.hpp"
#include "base/page_memory.hpp"
#include "base/thread_pool.hpp"

namespace linnet::cpu {

class PagedKvStore;

/// Rows [first, end) of a batch.
struct RowRange {
  std::int64_t first, end;
};

class CpuBackend : public Backend {
 public:
  CpuBackend(int threads, const Kernels& kernels) : pool_(threads), kernels_(kernels) {}

  std::string_view name() const override { return kernels_.name; }
  std::string_view memory_layout() const override { return "cpu 1"; }

  Status status() override { return status_; }

  Result<std::unique_ptr<Buffer>> allocate(std::int64_t floats) override;
  Result<std::unique_ptr<Matrix>> upload(const MatrixSource& source) override;
  Result<std::unique_ptr<KvStore>> make_kv_store(const KvShape& shape) override;
  void upload(std::span<const float> from, float* to) override;
  void upload(std::span<const std::int32_t> from, std::int32_t* to) override;
  void download(const View& from, float* to) override;

  void embed_rows(const Matrix& table, std::span<const std::int32_t> ids, View out) override;
  void gather_rows(View in, std::span<const std::int32_t> rows, View out) override;
  void matmul(View in, std::span<const MatmulOutput> outputs) override;
  void gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                    Activation activation) override;
  void expert_matmul(View in, const Matrix& weight, const float* scale, const float* bias,
                     const Routing& routing, View out) override;
  void combine_experts(View in, const Routing& routing, View out) override;
  void route_experts(View logits, const RouteParams& params, const Routing& out) override;
  void group_experts(int size, const Routing& routing) override;
  void norm(View in, const NormParams& params, View out) override;
  void rope(View x, std::span<const std::int32_t> positions, const RopeParams& params) override;
  void store_kv(KvStore& store, int layer, View keys, View values,
                const BatchLayout& batch) override;
  void attention(const KvStore& store, View queries, const AttentionParams& params,
                 const BatchLayout& batch, View out) override;
  void select_keys(const KvStore& store, View queries, View weights, const SelectParams& params,
                   const BatchLayout& batch) override;
  void gated_activation(View gate, View up, Activation activation, View out) override;
  void add_scaled(View x, float scale, float out_scale, View out) override;
  void multiply_gate(View gate, Activation activation, View x) override;
  void softcap(View x, float cap) override;
  void scale(View x, float factor) override;
  void scale_rows(View x, const float* factors) override;
  void clamp(View x, float least, float most) override;
  void cut_below(View x, float deviations) override;
  void copy(View from, View to) override;
  void fill(View x, float value) override;
  Result<std::unique_ptr<StateStore>> make_state_store(const StateShape& shape) override;
  void convolve(StateStore& store, View in, const ConvolutionParams& params,
                const BatchLayout& batch, View out) override;
  void scan(StateStore& store, const ScanInput& in, const ScanParams& params,
            const BatchLayout& batch, View out) override;
  void selective_scan(StateStore& store, const SelectiveScanInput& in,
                      const SelectiveScanParams& params, const BatchLayout& batch,
                      View out) override;
  void decay(View x, const DecayParams& params, View out) override;
  void mix_shifted(View x, View shift, const float* weight, View mix, View out) override;
  void dot_heads(View a, View b, const float* weight, View out) override;
  void pool_windows(StateStore& store, View values, View scores, const PoolParams& params,
                    const BatchLayout& batch, View out) override;
  void stream_weights(View mixes, const StreamParams& params, View read, View write) override;
  void mix_streams(View in, View weights, std::int64_t width, View out) override;

 private:
  /// Calls body(row) for every row; a task is as many rows as are worth one.
  template <class Body>
  void for_rows(std::int64_t rows, std::int64_t columns, Body&& body) {
    constexpr std::int64_t kTaskColumns = 16384;
    const std::int64_t each =
        std::max<std::int64_t>(1, kTaskColumns / std::max<std::int64_t>(1, columns));
    pool_.parallel_for((rows + each - 1) / each, [&](std::int64_t task) {
      const std::int64_t end = std::min(rows, (task + 1) * each);
      for (std::int64_t r = task * each; r < end; ++r) body(r);
    });
  }
  template <class Body>
  void for_runs(const BatchLayout& batch, std::int64_t parts, Body&& body);
  template <class Body>
  void with_dense_keys(const PagedKvStore& store, int layer, const BatchLayout& batch, Body&& body);
  template <class Run, class Tiles>
  void attend_tiles(const Run& run, const Tiles& tiles);
  /// Valid until the next call.
  View rotated(View queries, int heads, int width);
  /// select_keys() of some rows, whose keys are in `pages` or, without any, in the batch's.
  void select_rows(const PagedKvStore& store, View queries, View weights,
                   const SelectParams& params, const BatchLayout& batch, RowRange rows,
                   std::span<const std::int32_t> pages);
  void select_blocks(const PagedKvStore& store, View queries, const SelectParams& params,
                     const BatchLayout& batch);
  /// The forms of its input, besides floats, that a matmul needs.
  struct Forms {
    bool integers = false, int16 = false;
    void add(const Layout& weights) {
      integers |= weights.codes == Codes::kIntegers;
      int16 |= weights.codes == Codes::kInt16;
    }
  };
  /// `in` for kernels, valid until the next call.
  Activations prepare(View in, const Forms& forms);
  /// 0, 1, ... rows - 1, valid until the next call.
  std::span<const std::int32_t> all_rows(std::int64_t rows);

  ThreadPool pool_;
  const Kernels& kernels_;
  PageMemory quantised_, quantised_int16_;
  std::vector<std::int32_t> row_ids_;
  std::vector<float> angles_;
  std::vector<float> attention_sums_, rotated_queries_;
  KeySelection selection_;
  std::vector<SequenceRun> runs_;
  Status status_;
};

}  // namespace linnet::cpu
