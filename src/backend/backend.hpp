#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "backend/memory.hpp"
#include "backend/parameters.hpp"
#include "base/result.hpp"

namespace linnet {

/// The arithmetic under the model: some 35 coarse operations, carried out in the order of the
/// calls. A backend belongs to one thread and outlives what it made. The caller makes sure that
/// shapes match (checked when the model is loaded).
///
/// The promise of the CPU backends: each output row depends only on its own input row, its position
/// and the keys of its sequence; it is bit-identical whatever the other rows of the batch, the
/// number of threads and the way a prompt is cut into batches.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// The name and version of the layout of exported pages and slots: backends that return the same
  /// name can read each other's. At most 64 bytes.
  virtual std::string_view memory_layout() const = 0;

  /// The first error of an operation (a lost device, memory that ran out). It is sticky: operations
  /// return nothing themselves, and do nothing after it. Checked once a step, after its results
  /// were downloaded.
  virtual Status status() { return {}; }

  // Memory. Allocation fails with an Error that says how much was asked for.
  virtual Result<std::unique_ptr<Buffer>> allocate(std::int64_t floats) = 0;       ///< zeroed
  virtual Result<std::unique_ptr<Matrix>> upload(const MatrixSource& source) = 0;  ///< a weight
  virtual Result<std::unique_ptr<KvStore>> make_kv_store(const KvShape& shape) = 0;
  virtual void upload(std::span<const float> from, float* to) = 0;  ///< `to`: backend memory
  virtual void upload(std::span<const std::int32_t> from, std::int32_t* to) = 0;
  virtual void download(const View& from, float* to) = 0;  ///< to [rows, columns] without gaps

  /// Answers `queries` about rows of `logits`, at most one a row; then `logits` is -inf at the
  /// queried ids. Returns false, having done nothing, if copying whole rows costs no more: call
  /// download(). Without queries it only says whether picking is worthwhile.
  virtual bool pick_logits(View /*logits*/, std::span<const LogitQuery> /*queries*/,
                           std::span<PickedLogits> /*out*/) {
    return false;
  }

  /// Rows of an embedding table: out row r = table row ids[r] (0 <= id < table.rows()).
  virtual void embed_rows(const Matrix& table, std::span<const std::int32_t> ids, View out) = 0;

  /// out row i = in row rows[i].
  virtual void gather_rows(View in, std::span<const std::int32_t> rows, View out) = 0;

  /// Computes all outputs from one input, which is read (and quantised) once: see MatmulOutput.
  virtual void matmul(View in, std::span<const MatmulOutput> outputs) = 0;

  /// up.out = activation(product with gate) * product with up. Afterwards gate.out is undefined.
  /// Neither output accumulates.
  virtual void gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                            Activation activation) {
    const MatmulOutput outputs[] = {gate, up};
    matmul(in, outputs);
    gated_activation(gate.out, up.out, activation, up.out);
  }

  /// out row (r * used + i) = in row (r or, if `in` has rows * used rows, r * used + i)
  ///                         * slice e = experts[r * used + i] of weight, * scale[e], + bias row e.
  /// scale [slices] and bias [slices, out columns] may be null.
  virtual void expert_matmul(View in, const Matrix& weight, const float* scale, const float* bias,
                             const Routing& routing, View out) = 0;
  /// The same for the two weights of gated_matmul.
  virtual void gated_expert_matmul(View in, const ExpertOutput& gate, const ExpertOutput& up,
                                   const Routing& routing, Activation activation) {
    for (const ExpertOutput& output : {up, gate}) {
      expert_matmul(in, *output.weight, output.scale, output.bias, routing, output.out);
    }
    gated_activation(gate.out, up.out, activation, up.out);
  }
  /// out row r += sum over i of weights[r, i] * in row (r * used + i), in the order of i.
  virtual void combine_experts(View in, const Routing& routing, View out) = 0;
  /// Chooses the experts of each row, and weighs them, by logits [rows, experts]: see RouteParams.
  virtual void route_experts(View logits, const RouteParams& params, const Routing& out) = 0;
  /// Expert e of the routing becomes expert e / size.
  virtual void group_experts(int size, const Routing& routing) = 0;
  /// Both [rows, columns], in == out allowed: see NormParams.
  virtual void norm(View in, const NormParams& params, View out) = 0;
  /// Rotates x [rows, heads * head_width] in place, by one position for each row: see RopeParams.
  virtual void rope(View x, std::span<const std::int32_t> positions, const RopeParams& params) = 0;
  /// keys, values: [rows, heads * width], put at each row's position of its sequence.
  virtual void store_kv(KvStore& store, int layer, View keys, View values,
                        const BatchLayout& batch) = 0;
  /// queries [rows, heads * key_width] -> out [rows, heads * value_width]; the batch's own keys are
  /// already stored.
  virtual void attention(const KvStore& store, View queries, const AttentionParams& params,
                         const BatchLayout& batch, View out) = 0;
  /// Picks the keys of each row that attention with `selected` then sees; valid until the next
  /// call. queries [rows, heads * width]; weights [rows, heads], which picks of blocks do not have.
  virtual void select_keys(const KvStore& store, View queries, View weights,
                           const SelectParams& params, const BatchLayout& batch) = 0;

  /// out = activation(gate) * up; up.data may be null: out = activation(gate). gate == out allowed;
  /// an `up` of stride 0 is one row for all.
  virtual void gated_activation(View gate, View up, Activation activation, View out) = 0;
  /// out = out * out_scale + x * scale; an `x` of stride 0 is one row for all.
  virtual void add_scaled(View x, float scale, float out_scale, View out) = 0;
  /// x = x * activation(gate); one gate column for each column of x, or for each group of columns.
  virtual void multiply_gate(View gate, Activation activation, View x) = 0;
  virtual void softcap(View x, float cap) = 0;                ///< x = cap * tanh(x / cap)
  virtual void scale(View x, float factor) = 0;               ///< x = x * factor
  virtual void scale_rows(View x, const float* factors) = 0;  ///< row r = row r * factors[r]
  virtual void clamp(View x, float least, float most) = 0;    ///< x to [least, most]
  /// x = max(x - (its row's mean + deviations * standard deviation), 0): Gemma 3n's top-k.
  virtual void cut_below(View x, float deviations) = 0;
  virtual void copy(View from, View to) = 0;   ///< of the same shape, not overlapping
  virtual void fill(View x, float value) = 0;  ///< all of x = value

  // Recurrent state. Slots are those that the store was made with.
  virtual Result<std::unique_ptr<StateStore>> make_state_store(const StateShape& shape) = 0;

  // These walk along the sequences of a batch and advance their states (see the params for shapes
  // and formulas): on a CPU in the same steps whatever the batch. `out` overlaps no input.
  virtual void convolve(StateStore& store, View in, const ConvolutionParams& params,
                        const BatchLayout& batch, View out) = 0;
  virtual void scan(StateStore& store, const ScanInput& in, const ScanParams& params,
                    const BatchLayout& batch, View out) = 0;
  virtual void selective_scan(StateStore& store, const SelectiveScanInput& in,
                              const SelectiveScanParams& params, const BatchLayout& batch,
                              View out) = 0;
  virtual void decay(View x, const DecayParams& params, View out) = 0;  ///< may write x: DecayKind
  /// out = x + shift * (weight + mix): weight [columns] may be null, mix may have no data, not
  /// both. `out` may be any of them.
  virtual void mix_shifted(View x, View shift, const float* weight, View mix, View out) = 0;
  /// out[h] = sum of a * b * weight over the columns of head h; out has a column for each head.
  virtual void dot_heads(View a, View b, const float* weight, View out) = 0;

  // Several residual streams and compressed keys.
  /// Advances the state. Row i of `out` is the i-th window that this batch completes.
  virtual void pool_windows(StateStore& store, View values, View scores, const PoolParams& params,
                            const BatchLayout& batch, View out) = 0;
  /// Turns mixes [rows, n * (n + 2)] of n streams into `read` [rows, n], each stream's weight in
  /// what a block reads (sigmoid + epsilon), and `write` [rows, n * (n + 1)], for each new stream
  /// the weights of the old ones (from mixes [2n + from * n + to]: see StreamParams) and of the
  /// block's result (2 * sigmoid). If `write` has no data, mixes are [rows, n].
  virtual void stream_weights(View mixes, const StreamParams& params, View read, View write) = 0;
  /// out [rows, m * width]: for each row weights [m, n] * in [n, width]. out may begin where `in`
  /// does.
  virtual void mix_streams(View in, View weights, std::int64_t width, View out) = 0;
};

/// Plain loops in float and double on dequantised weights: the specification that every other
/// backend is tested against. It has all operations, pick_logits included.
std::unique_ptr<Backend> make_reference_backend();

/// The fast one: int8 arithmetic on packed weights, `threads` threads (>= 1). The instruction set
/// is chosen at run time; `instruction_set` forces one of cpu_instruction_sets(). All give the same
/// bits.
std::unique_ptr<Backend> make_cpu_backend(int threads, std::string_view instruction_set = {});

/// The instruction sets that this machine has, the best first: of avx512, avx_vnni, avx2,
/// or on aarch64 neon_i8mm, neon_dotprod, neon; and scalar.
std::vector<std::string_view> cpu_instruction_sets();

}  // namespace linnet
