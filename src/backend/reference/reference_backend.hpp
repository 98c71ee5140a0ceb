#pragma once

#include <vector>

#include "backend/backend.hpp"
#include "backend/key_selection.hpp"

namespace linnet::reference {

class HostBuffer final : public Buffer {
 public:
  explicit HostBuffer(std::int64_t floats) : memory_(static_cast<std::size_t>(floats), 0.0f) {
    data_ = memory_.data();
    size_ = floats;
  }

 private:
  std::vector<float> memory_;
};

/// The packed rows as they lie in the file; a row is dequantised when it is used.
class PackedMatrix final : public Matrix {
 public:
  explicit PackedMatrix(const MatrixSource& source);
  std::int64_t size_bytes() const override { return static_cast<std::int64_t>(bytes_.size()); }
  /// Dequantises row `row` of slice `slice` to out[columns].
  void row(std::int64_t slice, std::int64_t row, float* out) const;

 private:
  const Format* format_;
  std::vector<std::byte> bytes_;
};

/// Keys and values in float32 (rounded through the cache's type when stored).
class PlainKvStore final : public KvStore {
 public:
  explicit PlainKvStore(const KvShape& shape);
  std::int64_t size_bytes() const override;
  std::int64_t page_bytes() const override;
  void export_page(std::int32_t page, std::span<std::byte> to) const override;
  void import_page(std::int32_t page, std::span<const std::byte> from) override;
  void copy_page(std::int32_t from, std::int32_t to) override;

  const KvShape& shape() const { return shape_; }
  float* key(int layer, std::int32_t page, int slot);
  float* value(int layer, std::int32_t page, int slot);
  const float* key(int layer, std::int32_t page, int slot) const;
  const float* value(int layer, std::int32_t page, int slot) const;

 private:
  /// Calls visit(bytes) for the keys and the values of every layer of a page.
  template <class Store, class Visit>
  static void for_each_part(Store& store, std::int32_t page, Visit&& visit);

  KvShape shape_;
  std::vector<std::vector<float>> keys_;
  std::vector<std::vector<float>> values_;
};

class ReferenceBackend final : public Backend {
 public:
  std::string_view name() const override { return "reference"; }
  std::string_view memory_layout() const override { return "reference 1"; }

  Result<std::unique_ptr<Buffer>> allocate(std::int64_t floats) override;
  Result<std::unique_ptr<Matrix>> upload(const MatrixSource& source) override;
  Result<std::unique_ptr<KvStore>> make_kv_store(const KvShape& shape) override;
  void upload(std::span<const float> from, float* to) override;
  void upload(std::span<const std::int32_t> from, std::int32_t* to) override;
  void download(const View& from, float* to) override;
  bool pick_logits(View logits, std::span<const LogitQuery> queries,
                   std::span<PickedLogits> out) override;

  void embed_rows(const Matrix& table, std::span<const std::int32_t> ids, View out) override;
  void gather_rows(View in, std::span<const std::int32_t> rows, View out) override;
  void matmul(View in, std::span<const MatmulOutput> outputs) override;
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
  void select_blocks(const PlainKvStore& store, View queries, const SelectParams& params,
                     const BatchLayout& batch);

  KeySelection selection_;
};

}  // namespace linnet::reference
