#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "formats/format.hpp"

namespace linnet {

/// A float32 matrix in the backend's memory, row-major, `stride` floats from one row to the next.
/// Does not own its memory.
struct View {
  float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;

  float* row(std::int64_t i) const { return data + i * stride; }
  /// Columns [first, first + count) of every row.
  View slice(std::int64_t first, std::int64_t count) const {
    return {data + first, rows, count, stride};
  }
  View first_rows(std::int64_t count) const { return {data, count, columns, stride}; }
};

/// float32 memory of a backend; freed with the object.
class Buffer {
 public:
  virtual ~Buffer() = default;
  float* data() const { return data_; }
  std::int64_t size() const { return size_; }  ///< in floats

 protected:
  float* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// A weight as it lies in the file: `slices` matrices (more than one for experts) of `rows` outputs
/// by `columns` inputs, packed in `format`.
struct MatrixSource {
  const Format* format;
  const std::byte* bytes;
  std::int64_t columns;
  std::int64_t rows;
  std::int64_t slices = 1;
  /// Whether the bytes outlive the matrix, so that a slice may be read when it is first used.
  bool lasting = false;
};

/// A weight in the layout that the backend's kernels want.
class Matrix {
 public:
  Matrix(std::int64_t columns, std::int64_t rows, std::int64_t slices)
      : columns_(columns), rows_(rows), slices_(slices) {}
  virtual ~Matrix() = default;
  std::int64_t columns() const { return columns_; }  ///< inputs
  std::int64_t rows() const { return rows_; }        ///< outputs of one slice
  std::int64_t slices() const { return slices_; }
  virtual std::int64_t size_bytes() const = 0;

 private:
  std::int64_t columns_, rows_, slices_;
};

/// Tokens in a page of the KV cache. A page holds the positions [i * kPageTokens, (i + 1) *
/// kPageTokens) of a sequence, so that a key lies at the same place of a page whoever computed it.
inline constexpr int kPageTokens = 32;

/// What keys and values are kept in. kF8: 8-bit floats with 4 bits of exponent and 3 of mantissa
/// (E4M3 of https://arxiv.org/abs/2209.05433), the largest being +-448; not every backend has it.
enum class KvType { kF32, kF16, kBf16, kQ8_0, kF8 };

struct KvTypeInfo {
  std::string_view name;
  int block_bytes;  ///< of 32 values, at most: backends keep the scales of Q8_0 in 2 or 4 bytes
};

/// By KvType.
inline constexpr KvTypeInfo kKvTypes[] = {
    {"f32", 128}, {"f16", 64}, {"bf16", 64}, {"q8_0", 36}, {"f8_e4m3", 32}};

inline constexpr const KvTypeInfo& info_of(KvType type) { return kKvTypes[static_cast<int>(type)]; }

struct KvLayerShape {
  int heads = 0;        ///< 0: the layer keeps no keys and values
  int key_width = 0;    ///< of one head
  int value_width = 0;  ///< of one head
};

struct KvShape {
  std::vector<KvLayerShape> layers;
  KvType type = KvType::kF16;
  std::int64_t pages = 0;  ///< of every layer
};

/// The pages of keys and values of all layers.
class KvStore {
 public:
  virtual ~KvStore() = default;
  virtual std::int64_t size_bytes() const = 0;

  /// Bytes of one page of all layers, laid out as Backend::memory_layout() names it.
  virtual std::int64_t page_bytes() const = 0;
  /// Copies a page out to, or in from, `page_bytes()` bytes of host memory.
  virtual void export_page(std::int32_t page, std::span<std::byte> to) const = 0;
  virtual void import_page(std::int32_t page, std::span<const std::byte> from) = 0;
  /// Copies all layers of page `from` to page `to`.
  virtual void copy_page(std::int32_t from, std::int32_t to) = 0;
};

/// What recurrent layers keep of a sequence: `layer_floats[layer]` floats in each of `slots` slots.
/// A slot holds the state of all layers after some token of a sequence.
struct StateShape {
  std::vector<std::int64_t> layer_floats;
  std::int64_t slots = 0;
};

/// The slots with the recurrent state of all layers.
class StateStore {
 public:
  virtual ~StateStore() = default;
  virtual std::int64_t size_bytes() const = 0;

  /// Bytes of one slot of all layers, laid out as Backend::memory_layout() names it.
  virtual std::int64_t slot_bytes() const = 0;
  /// Copies a slot out to, or in from, `slot_bytes()` bytes of host memory.
  virtual void export_slot(std::int32_t slot, std::span<std::byte> to) const = 0;
  virtual void import_slot(std::int32_t slot, std::span<const std::byte> from) = 0;
  /// Makes `slot` that of a sequence without tokens.
  virtual void clear_slot(std::int32_t slot) = 0;
  virtual void copy_slot(std::int32_t from, std::int32_t to) = 0;
};

/// Where a part of a layer's state begins.
struct StatePart {
  int layer = 0;
  std::int64_t first = 0;  ///< float of the layer's
};

/// Where the rows of a batch stand: row r is the token at `positions[r]` of the sequence
/// `sequences[r]`, whose page p is `page_tables[sequence][p]`, which has `lengths[sequence]` tokens
/// once this batch is stored and whose recurrent state is in the slot `states[sequence]` (empty for
/// models without). Where there are states, the rows of a sequence follow one another in the order
/// of their positions and go on where its state stands.
struct BatchLayout {
  std::span<const std::int32_t> positions;
  std::span<const std::int32_t> sequences;
  std::span<const std::span<const std::int32_t>> page_tables;
  std::span<const std::int32_t> lengths;
  std::span<const std::int32_t> states = {};
};

/// One weight of a matmul: out = (or +=) scale * (in * weight^T) + bias.
struct MatmulOutput {
  const Matrix* weight;
  View out;
  const float* bias = nullptr;  ///< [out columns] or null
  bool accumulate = false;      ///< add to what `out` holds (the residual)
  float scale = 1.0f;           ///< of the product, before bias
};

/// One weight of a product with experts: see Backend::expert_matmul.
struct ExpertOutput {
  const Matrix* weight;
  View out;
  const float* scale = nullptr;  ///< [slices] or null
  const float* bias = nullptr;   ///< [slices, out columns] or null
};

/// Which experts each row uses: `expert[row * used + i]` with weight `weight[row * used + i]`.
struct Routing {
  std::int32_t* experts;
  float* weights;
  std::int64_t rows;
  int used;
};

/// What is wanted of a row of logits: those of `ids`, and the likeliest of the others. Of equal
/// logits the lower id is likelier; minus infinity and what is not a number is never picked.
struct LogitQuery {
  std::int64_t row = 0;
  std::span<const std::int32_t> ids = {};  ///< ascending, whose logits are wanted in any case
  /// A bit for each id, 64 in a word: no others are picked. Empty: all may be.
  std::span<const std::uint64_t> allowed = {};
  std::int64_t most = 0;  ///< others that are picked
  /// Only those are picked that lie at most so far below the likeliest other.
  float within = std::numeric_limits<float>::infinity();
};

struct PickedLogits {
  std::vector<float> of_ids;      ///< of LogitQuery::ids
  std::vector<std::int32_t> ids;  ///< the picked others, ascending
  std::vector<float> logits;      ///< of these
};

enum class NormKind { kRms, kLayer, kL2 };

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias over groups of `group` columns (0:
/// all); kRms takes no mean (https://arxiv.org/abs/1910.07467). kL2: x / max(|x|, epsilon) instead
/// of the quotient.
struct NormParams {
  NormKind kind = NormKind::kRms;
  float epsilon = 1e-5f;
  const float* weight = nullptr;   ///< null: 1
  const float* bias = nullptr;     ///< null: 0
  std::int64_t group = 0;          ///< columns normalised together: a head's width for QK-norm
  bool weight_per_column = false;  ///< weight has a value for every column, not one group's worth
};

/// kAdjacent turns the pairs (2i, 2i+1), kSplitHalf the pairs (i, i + dims/2)
/// (https://arxiv.org/abs/2104.09864 and GPT-NeoX).
enum class RopeLayout { kNone, kAdjacent, kSplitHalf };

struct RopeParams {
  RopeLayout layout = RopeLayout::kAdjacent;
  int heads = 0;
  int head_width = 0;                          ///< columns of a head
  int first = 0;                               ///< first column of a head that is turned
  int dims = 0;                                ///< columns that are turned; the rest stay
  std::span<const float> inverse_frequencies;  ///< [dims / 2]: the angle is position times this
  float magnitude = 1.0f;                      ///< factor on the turned columns (YaRN)
};

enum class AttentionSpan { kFull, kSliding, kChunked, kCentred };

/// A learned bias of scores by the distance from query to key, in buckets of distances.
struct DistanceBias {
  const float* values = nullptr;          ///< [buckets][heads]; null: there is none
  const std::int32_t* buckets = nullptr;  ///< [2 * reach + 1]: those of distances -reach to reach
  int reach = 0;                          ///< larger distances count as this one
};

/// softmax(scale * q k^T + bias) v, grouped queries: query head h reads KV head h * kv_heads /
/// heads.
struct AttentionParams {
  int layer = 0;  ///< of the KvStore
  int heads = 0;
  int kv_heads = 0;
  int key_width = 0;
  int value_width = 0;
  float scale = 1.0f;
  float softcap = 0.0f;  ///< cap * tanh(score / cap); 0: none
  AttentionSpan span = AttentionSpan::kFull;
  int window = 0;  ///< kSliding: keys [p - window + 1, p]; kChunked: keys of p's chunk of this
                   ///< size; kCentred: keys [p - window / 2, p + window / 2]
  bool causal = true;
  const float* sinks = nullptr;  ///< [heads]: a logit that takes part in the softmax only
  const float* alibi_slopes =
      nullptr;  ///< [heads]: score -= slope * |key position - query position|
  DistanceBias distance_bias = {};
  bool selected = false;  ///< only the keys that Backend::select_keys picked last
};

/// How a query picks the keys that attention sees: the best by the sum over index heads of weight *
/// relu(q k) (https://arxiv.org/abs/2512.02556, section 2.1).
struct SelectParams {
  int layer = 0;  ///< of the KvStore: one head of index keys
  int heads = 0;  ///< of the index queries
  int width = 0;  ///< of an index key
  int most = 0;   ///< keys that are picked
};

enum class Activation {
  kSilu,
  kGelu,
  kGeluQuick,
  kGeluErf,
  kRelu,
  kReluSquared,
  kSigmoid,
  kTanh,
  kSoftplus,
  kGeluOfHalves,  ///< kGelu with argument and value rounded to binary16 where |x| < 10, and x or 0
                  ///< beyond, as llama.cpp tabulates it
  kIdentity,
  kSquareRoot,
  kElu,           ///< x, or exp(x) - 1 where it is below 0
  kClampedSwiglu  ///< gpt-oss: g = min(gate, 7); g * sigmoid(1.702 g) * (clamp(up, -7, 7) + 1)
};

/// Expert choice (all in float32, ties to the lower index).
enum class GateFunction { kSoftmax, kSigmoid, kSoftmaxAfterTopK };

struct RouteParams {
  GateFunction gate = GateFunction::kSoftmax;
  int used = 0;
  const float* selection_bias = nullptr;  ///< [experts], added for the choice only (DeepSeek-V3)
  int groups = 1;                         ///< experts are in this many groups, of which
  int used_groups = 1;                    ///< these are searched
  bool normalise = false;                 ///< weights of the used sum to one
  float scale = 1.0f;                     ///< then times this
};

/// A causal convolution of each column along its sequence: out[t] = bias + sum over i of weight[i]
/// * in[t - kernel + 1 + i]. Its state is the last `kernel` - 1 inputs, the oldest first.
struct ConvolutionParams {
  StatePart state;                            ///< [kernel - 1][columns]
  int kernel = 0;                             ///< >= 2
  const float* weight = nullptr;              ///< [kernel][columns], the oldest input's first
  const float* bias = nullptr;                ///< [columns] or null
  std::optional<Activation> activation = {};  ///< of the sum
};

/// How a scan's matrix S [key_width][value_width] goes on from token to token, with decay w (along
/// keys), gain g, key k, value v and query q; the output is scale * out + skip * v.
enum class ScanRule {
  kAdd,     ///< S = w S + k (g v)^T; out = S^T q: Mamba-2 (https://arxiv.org/abs/2405.21060)
  kBonus,   ///< out = S^T q + (bonus k . q) v; S = w S + k v^T: RWKV-6
            ///< (https://arxiv.org/abs/2404.05892)
  kDelta,   ///< S = w S; S = S + k (g (v - S^T k))^T; out = S^T q: gated delta net
            ///< (https://arxiv.org/abs/2412.06464)
  kReplace  ///< S = w S - add (S^T remove)^T + k v^T; out = S^T q: RWKV-7
            ///< (https://arxiv.org/abs/2503.14456)
};

/// Which of the `key_heads` keys and queries the head h of `heads` reads: kBlocks h * key_heads /
/// heads, kCyclic h % key_heads.
enum class KeySharing { kBlocks, kCyclic };

struct ScanParams {
  ScanRule rule = ScanRule::kAdd;
  StatePart state = {};  ///< [heads][key_width][value_width], a head's in the backend's order
  int heads = 0;
  int key_heads = 0;
  KeySharing sharing = KeySharing::kBlocks;
  int key_width = 0;
  int value_width = 0;
  float scale = 1.0f;
  const float* skip = nullptr;   ///< [heads] or null
  const float* bonus = nullptr;  ///< kBonus: [heads][key_width]
};

/// What a scan reads of each row.
struct ScanInput {
  View query;        ///< [key_heads * key_width]
  View key;          ///< [key_heads * key_width]
  View value;        ///< [heads * value_width]
  View decay;        ///< [heads * key_width], or [heads] where all keys of a head share one
  View gain = {};    ///< kAdd, kDelta: [heads], or no data for 1
  View remove = {};  ///< kReplace: [heads * key_width]
  View add = {};     ///< kReplace: [heads * key_width]
};

/// Mamba's recurrence (https://arxiv.org/abs/2312.00752) for each channel: with d = softplus(step),
/// S[n] = exp(d rate[n]) S[n] + d x input[n]; out = sum over n of S[n] output[n], + skip x.
struct SelectiveScanParams {
  StatePart state = {};         ///< [state_width][channels], in the backend's order
  int state_width = 0;          ///< n
  const float* rate = nullptr;  ///< [state_width][channels]
  const float* skip = nullptr;  ///< [channels]
};

/// What selective_scan reads of each row.
struct SelectiveScanInput {
  View x;       ///< [channels]
  View step;    ///< [channels]
  View input;   ///< [state_width]
  View output;  ///< [state_width]
};

/// How a decay in (0, 1) follows from x + bias.
enum class DecayKind {
  kSoftplus,  ///< exp(rate * softplus(x + bias)), and x becomes the softplus (Mamba-2, delta nets)
  kExponential,  ///< exp(-exp(x + bias)) (RWKV-6)
  kSigmoid       ///< exp(-exp(-1/2) * sigmoid(x + bias)) (RWKV-7)
};

struct DecayParams {
  DecayKind kind = DecayKind::kSoftplus;
  const float* bias = nullptr;  ///< [columns] or null
  const float* rate = nullptr;  ///< kSoftplus: [columns]
};

/// The arithmetic under the model: a handful of coarse operations that run at once. One op at a
/// time; a backend belongs to one thread and outlives what it made. Shapes are the caller's duty
/// (checked when the model is loaded).
///
/// The promise of the CPU backends: each output row depends only on its own input row, its position
/// and the keys of its sequence; it is bit-identical whatever the other rows of the batch, the
/// number of threads and the way a prompt is cut into batches.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  /// Names, with a version, how exported pages and slots are laid out: backends that give the same
  /// name can read each other's. At most 64 bytes.
  virtual std::string_view memory_layout() const = 0;

  /// The first error that operations met (a lost device, memory that ran out), for the backend's
  /// whole life; they return nothing themselves and do nothing after it. Asked once a step, when
  /// its results were downloaded.
  virtual Status status() { return {}; }

  // Memory. Allocation fails with an Error that says how much was asked for.
  virtual Result<std::unique_ptr<Buffer>> allocate(std::int64_t floats) = 0;  ///< zeroed
  virtual Result<std::unique_ptr<Matrix>> upload(const MatrixSource& source) = 0;
  virtual Result<std::unique_ptr<KvStore>> make_kv_store(const KvShape& shape) = 0;
  virtual void upload(std::span<const float> from, float* to) = 0;
  virtual void download(const View& from, float* to) = 0;  ///< to [rows, columns] without gaps

  // Gives what `queries` want of rows of `logits`, where that is less to copy than the rows. False,
  // and nothing was done, where the rows are as near: download() them. No queries ask only for that
  // answer; no two are about the same row. Afterwards `logits` holds minus infinity at their `ids`.
  virtual bool pick_logits(View /*logits*/, std::span<const LogitQuery> /*queries*/,
                           std::span<PickedLogits> /*out*/) {
    return false;
  }

  // Rows of an embedding table: out row r = table row ids[r] (0 <= id < table.rows()).
  virtual void embed_rows(const Matrix& table, std::span<const std::int32_t> ids, View out) = 0;

  // out row i = in row rows[i].
  virtual void gather_rows(View in, std::span<const std::int32_t> rows, View out) = 0;

  // All outputs from one input, which is read (and quantised) once.
  virtual void matmul(View in, std::span<const MatmulOutput> outputs) = 0;

  // up.out = activation(what gate gives) * what up gives; what gate.out holds after it is
  // undefined. Neither accumulates.
  virtual void gated_matmul(View in, const MatmulOutput& gate, const MatmulOutput& up,
                            Activation activation) {
    const MatmulOutput outputs[] = {gate, up};
    matmul(in, outputs);
    gated_activation(gate.out, up.out, activation, up.out);
  }

  // out row (r * used + i) = in row (r or, if `in` has rows * used rows, r * used + i)
  //                          * slice e = experts[r * used + i] of weight, * scale[e], + bias row e.
  // scale [slices] and bias [slices, out columns] may be null.
  virtual void expert_matmul(View in, const Matrix& weight, const float* scale, const float* bias,
                             const Routing& routing, View out) = 0;
  // The same for the two weights of gated_matmul.
  virtual void gated_expert_matmul(View in, const ExpertOutput& gate, const ExpertOutput& up,
                                   const Routing& routing, Activation activation) {
    for (const ExpertOutput& output : {up, gate}) {
      expert_matmul(in, *output.weight, output.scale, output.bias, routing, output.out);
    }
    gated_activation(gate.out, up.out, activation, up.out);
  }
  // out row r += sum over i of weights[r, i] * in row (r * used + i), in the order of i.
  virtual void combine_experts(View in, const Routing& routing, View out) = 0;
  virtual void route_experts(View logits, const RouteParams& params, const Routing& out) = 0;

  // Expert e of the routing becomes expert e / size.
  virtual void group_experts(int size, const Routing& routing) = 0;

  virtual void norm(View in, const NormParams& params, View out) = 0;  // in == out allowed
  virtual void rope(View x, std::span<const std::int32_t> positions, const RopeParams& params) = 0;

  // keys, values: [rows, heads * width], put at each row's position of its sequence.
  virtual void store_kv(KvStore& store, int layer, View keys, View values,
                        const BatchLayout& batch) = 0;
  // queries [rows, heads * key_width] -> out [rows, heads * value_width]; the batch's own keys are
  // already stored.
  virtual void attention(const KvStore& store, View queries, const AttentionParams& params,
                         const BatchLayout& batch, View out) = 0;
  // Picks keys for each row, which attention with `selected` then sees; they hold until the next
  // call. queries [rows, heads * width], weights [rows, heads].
  virtual void select_keys(const KvStore& store, View queries, View weights,
                           const SelectParams& params, const BatchLayout& batch) = 0;

  // out = activation(gate) * up; up.data may be null: out = activation(gate). gate == out allowed;
  // an `up` of stride 0 is one row for all.
  virtual void gated_activation(View gate, View up, Activation activation, View out) = 0;
  // out = out * out_scale + x * scale
  virtual void add_scaled(View x, float scale, float out_scale, View out) = 0;
  // x = x * activation(gate); gate has as many columns as x, or one for each `x.columns / columns`.
  virtual void multiply_gate(View gate, Activation activation, View x) = 0;
  virtual void softcap(View x, float cap) = 0;  // cap * tanh(x / cap)
  virtual void scale(View x, float factor) = 0;
  virtual void scale_rows(View x, const float* factors) = 0;  // row r times factors[r]
  virtual void clamp(View x, float limit) = 0;                // to [-limit, limit]
  // Of each row what lies more than `deviations` standard deviations above its mean; else 0.
  virtual void cut_below(View x, float deviations) = 0;
  virtual void copy(View from, View to) = 0;  // of the same shape, not overlapping
  virtual void fill(View x, float value) = 0;

  // Recurrent state. Slots are what the store was made with.
  virtual Result<std::unique_ptr<StateStore>> make_state_store(const StateShape& shape) = 0;

  // The operations that walk along the sequences of a batch and move their states on. Each token of
  // a sequence goes through the same steps whatever the batch. `out` overlaps no input.
  virtual void convolve(StateStore& store, View in, const ConvolutionParams& params,
                        const BatchLayout& batch, View out) = 0;
  virtual void scan(StateStore& store, const ScanInput& in, const ScanParams& params,
                    const BatchLayout& batch, View out) = 0;
  virtual void selective_scan(StateStore& store, const SelectiveScanInput& in,
                              const SelectiveScanParams& params, const BatchLayout& batch,
                              View out) = 0;
  virtual void decay(View x, const DecayParams& params, View out) = 0;
  // out = x + shift * (weight + mix): weight [columns] may be null, mix may have no data, not both.
  // `out` may be any of them.
  virtual void mix_shifted(View x, View shift, const float* weight, View mix, View out) = 0;
  // out[h] = sum of a * b * weight over the columns of head h; out has a column for each head.
  virtual void dot_heads(View a, View b, const float* weight, View out) = 0;
};

/// Plain loops in float and double on dequantised weights: the specification that every other
/// backend is tested against. It has all operations, pick_logits included.
std::unique_ptr<Backend> make_reference_backend();

/// The fast one: int8 arithmetic on packed weights, `threads` threads (>= 1). The instruction set
/// is chosen at run time; `instruction_set` forces one that the machine has: scalar, avx2,
/// avx_vnni, avx512, avx512_bf16, or on aarch64 neon, neon_dotprod, neon_i8mm. All give the same
/// bits.
std::unique_ptr<Backend> make_cpu_backend(int threads, std::string_view instruction_set = {});

}  // namespace linnet
