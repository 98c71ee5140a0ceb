#pragma once

#include <map>
#include <memory>
#include <vector>

#include "backend/backend.hpp"
#include "backend/cuda/chunk_plan.hpp"
#include "backend/cuda/cublas_lt.hpp"
#include "backend/cuda/cuda.hpp"
#include "backend/cuda/kernels/products.cuh"
#include "backend/cuda/pack_weights.hpp"
#include "backend/cuda/stream.hpp"
#include "backend/cuda/upload_buffers.hpp"
#include "backend/host_state_store.hpp"
#include "base/thread_pool.hpp"

namespace linnet::cuda {

struct AttendTask;
struct DeviceBatch;
struct DeviceRun;
struct HeadWork;
struct HeadWorks;
struct IndexQueries;
struct KeyPicks;
struct KvView;
struct QueryTile;

/// What an operation does to heads; see HeadWork.
enum class HeadStep { kNormalise, kTurn };

/// Where quantised rows lie.
class QuantisedMemory {
 public:
  QuantisedRows take(Stream& stream, std::int64_t rows, std::int64_t blocks) {
    const std::int64_t all = rows * blocks;
    return {codes_.take<std::uint32_t>(stream, all * 16), scales_.take<float>(stream, all),
            sums_.take<std::int32_t>(stream, all * 2), blocks};
  }
  bool holds(const QuantisedRows& rows) const { return codes_.get() == rows.codes; }

 private:
  Scratch codes_, scales_, sums_;
};

class DeviceBuffer final : public Buffer {
 public:
  DeviceBuffer(DeviceMemory memory, std::int64_t floats) : memory_(std::move(memory)) {
    data_ = memory_.as<float>();
    size_ = floats;
  }

 private:
  DeviceMemory memory_;
};

class DeviceMatrix final : public Matrix {
 public:
  DeviceMatrix(const MatrixSource& source, const WeightsPlan& plan, DeviceMemory memory);
  std::int64_t size_bytes() const override { return memory_.bytes(); }
  WeightsView view;

 private:
  DeviceMemory memory_;
};

class DeviceKvStore final : public KvStore {
 public:
  DeviceKvStore(Stream& stream, KvShape shape, DeviceMemory memory);
  /// Bytes for `shape`, or nothing where they do not fit 63 bits.
  static std::optional<std::int64_t> bytes_for(const KvShape& shape);

  std::int64_t size_bytes() const override { return memory_.bytes(); }
  std::int64_t page_bytes() const override;
  void export_page(std::int32_t page, std::span<std::byte> to) const override;
  void import_page(std::int32_t page, std::span<const std::byte> from) override;
  void copy_page(std::int32_t from, std::int32_t to) override;
  KvView layer(int index) const;

 private:
  /// Calls visit(pages, bytes) for the keys and the values of every layer: where page 0 stands, and
  /// the bytes of each page.
  template <class Visit>
  void for_each_part(Visit&& visit) const;

  Stream& stream_;
  KvShape shape_;
  DeviceMemory memory_;
  std::vector<std::int64_t> offsets_;  // of the keys of each layer; its values follow
};

class DeviceStateStore final : public StateStore {
 public:
  DeviceStateStore(Stream& stream, const StateShape& shape, DeviceMemory memory);
  static std::optional<std::int64_t> bytes_for(const StateShape& shape);

  std::int64_t size_bytes() const override { return memory_.bytes(); }
  std::int64_t slot_bytes() const override;
  void export_slot(std::int32_t slot, std::span<std::byte> to) const override;
  void import_slot(std::int32_t slot, std::span<const std::byte> from) override;
  void clear_slot(std::int32_t slot) override;
  void copy_slot(std::int32_t from, std::int32_t to) override;
  std::int64_t slot_floats() const { return slot_floats_; }
  float* slot(std::int32_t index) const { return memory_.as<float>() + index * slot_floats_; }
  float* part(const StatePart& part) const {
    return memory_.as<float>() + offsets_[part.layer] + part.first;
  }

 private:
  Stream& stream_;
  DeviceMemory memory_;
  std::vector<std::int64_t> offsets_;  // in floats
  std::int64_t slot_floats_ = 0;
};

/// Operations are queued on one stream and run in their order; what a caller gives in host memory
/// (rows, positions, pages) is copied before the operation returns. Views, weights and biases are
/// device memory.
class CudaBackend final : public Backend {
 public:
  CudaBackend(std::unique_ptr<Stream> stream, const CudaOptions& options, int threads);
  ~CudaBackend() override;

  std::string_view name() const override { return "cuda"; }
  std::string_view memory_layout() const override { return "cuda 1"; }
  Status status() override;

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
  void gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                    Activation activation) override;
  void expert_matmul(View in, const Matrix& weight, const float* scale, const float* bias,
                     const Routing& routing, View out) override;
  void gated_expert_matmul(View in, const ExpertOutput& gate, const ExpertOutput& up,
                           const Routing& routing, Activation activation) override;
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
  /// How inputs were put into binary16: each row with its own power of two, all with one, or each
  /// with its own in the order of fragments.
  enum class HalfForm { kNot, kByRow, kEvenly, kForFragments };
  /// Inputs of a matmul in the forms that the weights want, made when the first one asks.
  struct Prepared {
    View in;
    bool quantised = false;
    HalfForm half_form = HalfForm::kNot;
  };

  /// Products of heads that wait for those of the other heads: see multiply_heads.
  struct PostponedHeads {
    View in;  ///< of the first
    std::int64_t in_step = 0, out_step = 0;
    std::vector<MatmulOutput> outputs;
  };

  /// What the pick lists were made of.
  struct Grouping {
    const std::int32_t* experts = nullptr;
    std::int64_t picks = 0, slices = 0;
    int tile_rows = 0;
    bool operator==(const Grouping&) const = default;
  };

  void begin_kernels_early();
  template <class Body>
  void for_each(std::int64_t rows, std::int64_t columns, Body body);
  std::byte* landing_place(std::size_t bytes);
  Result<float> send_rows(const MatrixSource& source, const WeightsPlan& plan, std::byte* to);
  bool postpone_head(View in, std::span<const MatmulOutput> outputs);
  bool join_heads(View in, const MatmulOutput& output);
  void finish_heads();
  void multiply_postponed_heads();
  void multiply(View in, std::span<const MatmulOutput> outputs);
  void multiply_alike(View in, std::span<const MatmulOutput> outputs);
  void multiply_many(Prepared& x, const Products& all);
  void multiply_few_rows(Prepared& x, const Products& all, std::int64_t out_rows,
                         const SliceChoice& choice);
  void multiply_many_rows(Prepared& x, const Products& all, std::int64_t rows,
                          const RowTiles& tiles, std::int64_t tile_count, int tile_rows);
  void multiply_picks(Prepared& x, const Products& all, const Routing& routing,
                      std::int64_t slices);
  void multiply_experts(View in, std::span<const ExpertOutput> outputs, const Routing& routing);
  /// False, and nothing is done, where there is no library or it can't.
  bool multiply_by_cublas_lt(Prepared& x, const MatmulOutput& output);
  bool multiply_gated(View in, const Product& gate, const Product& up, const SliceChoice& choice,
                      Activation activation, View out);
  std::int64_t few_quantised_rows() const;
  std::int64_t few_rows(const WeightsView& w) const;
  QuantisedRows room_for_quantised(View of);
  QuantisedRows take_quantised(View of, int memory);
  HalfRows room_for_halves(View of);
  HalfRows take_halves(View of, HalfForm how);
  void remember(View of, const ReadyRows& rows);
  bool remembers(View of) const;
  bool remembers_beside(const Products& all, std::int64_t rows) const;
  void quantise(Prepared& x);
  void to_half(Prepared& x, HalfForm how);
  int many_tile_rows(const WeightsView& w, std::int64_t rows, std::int64_t slices) const;
  const PickLists& pick_lists(const Routing& routing, std::int64_t experts, int tile_rows);
  HeadWork& postponed_work(View x, int heads, int width, HeadStep step);
  void flatten_tables(const BatchLayout& batch, std::size_t width);
  DeviceBatch device_batch(const BatchLayout& batch);
  const DeviceRun* device_runs(const BatchLayout& batch);
  void scan_long_runs(StateStore& store, const ScanInput& in, const ScanParams& params, View out);
  std::int64_t list_tiles(const AttentionParams& params, const BatchLayout& batch);
  const QueryTile* device_tiles();
  std::int64_t worthy_tiles(const AttendTask& task, const BatchLayout& batch);
  void attend_to_latents(AttendTask& task, const BatchLayout& batch);
  void score_keys(const KvView& kv, View queries, View weights, const KeyPicks& picks,
                  const IndexQueries& prepared);
  IndexQueries room_for_index_queries(const KvView& kv, std::int64_t rows, int heads);
  bool gathers(const AttendTask& task) const;
  void attend_to_gathered(AttendTask& task, std::int64_t rows);
  bool list_picked(AttendTask& task, std::int64_t rows);
  bool make_room_for_splits(AttendTask& task, std::int64_t rows);
  void join_splits(const AttendTask& task, std::int64_t rows);
  void attend_by_rows(AttendTask& task, std::int64_t rows, std::int64_t longest_pages);
  void attend_alike(const AttendTask& task, std::int64_t rows);
  void attend_in_splits(AttendTask& task, std::int64_t rows);
  int compressed_splits(const AttendTask& task, std::int64_t rows) const;

  std::unique_ptr<Stream> stream_;
  const bool is_deterministic_, picks_logits_, has_warpgroups_;
  const bool in_chunks_;  // long runs of delta nets are
  const bool is_sparse_;  // see CudaOptions
  bool seeks_library_;    // when it is needed first
  std::unique_ptr<CublasLt> cublas_lt_;
  ThreadPool pool_;
  std::unique_ptr<UploadBuffers> upload_buffers_;  // while weights are loaded
  HostMemory landing_;                             // of downloads
  Mirror picked_ids_, picked_allowed_, pick_tasks_;
  Mirror ids_, rows_, positions_, sequences_, tables_, lengths_, runs_mirror_, tiles_mirror_;
  std::map<const float*, Mirror> frequencies_;  // of rope, by where the model keeps them
  /// `rows` holds what `of` is, if nothing else came after `operations`.
  struct Remembered {
    View of;
    ReadyRows rows;
    std::uint64_t operations = 0;
  };
  Remembered remembered_;
  bool has_quantised_weights_ = false;
  QuantisedMemory quantised_memory_[2];
  QuantisedRows quantised_;                // of the matmul that runs
  std::unique_ptr<HeadWorks> head_works_;  // postponed
  PostponedHeads heads_;                   // likewise, never both
  HalfRows halves_;
  Scratch half_values_, half_inverses_;
  Scratch half_weights_, library_factors_, library_workspace_, row_largest_;  // of the library
  Scratch picks_, pick_candidates_;
  Scratch partial_sums_, pick_numbers_, attention_sums_, attention_totals_;
  Scratch selection_;        // of select_keys: a bit for each key, as in KeySelection
  int selecting_heads_ = 1;  // that it is of, for each row
  int most_selected_ = 0;    // of any row
  bool selection_leaves_out_ = false;
  Scratch picked_places_;  // likewise, in the order of the keys, and their numbers
  Scratch index_scores_, rank_counts_, score_heaps_;
  Scratch index_queries_, index_weights_;  // of score_index_tiles
  Grouping grouping_;                      // until experts are chosen anew
  PickLists pick_lists_;                   // in pick_numbers_
  std::vector<std::uint32_t> host_picks_;
  std::vector<std::int32_t> flat_tables_;  // [sequences][table_width_]
  std::size_t table_width_ = 0;
  const std::int32_t* device_tables_ = nullptr;  // the same; null where it was not sent
  std::vector<std::int32_t> device_run_list_, tile_list_;
  std::vector<SequenceRun> runs_;
  ChunkPlan chunk_plan_;
  Mirror chunk_mirror_, rest_mirror_;  // of its pieces, and of its rest
  Scratch prepared_chunks_;
};

/// What a kernel takes of the operations' weights.
inline const WeightsView& view_of(const Matrix& matrix) {
  return static_cast<const DeviceMatrix&>(matrix).view;
}

}  // namespace linnet::cuda
