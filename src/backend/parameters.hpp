// What operations take besides matrices.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "backend/memory.hpp"

namespace linnet {

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

/// Which experts each row uses: `experts[row * used + i]` with weight `weights[row * used + i]`.
struct Routing {
  std::int32_t* experts;
  float* weights;
  std::int64_t rows;
  int used;
};

/// What is wanted of a row of logits: those of `ids`, and the likeliest of the others. Of equal
/// logits the lower id counts as likelier; minus infinity and NaN are never picked.
struct LogitQuery {
  std::int64_t row = 0;
  std::span<const std::int32_t> ids = {};  ///< ascending; their logits are wanted in any case
  /// A bit for each id that may be picked, 64 in a word. Empty: all may be.
  std::span<const std::uint64_t> allowed = {};
  std::int64_t most = 0;  ///< others that are picked
  /// Only those at most this far below the likeliest of the others are picked.
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

/// kAdjacent rotates the pairs (2i, 2i+1), kSplitHalf the pairs (i, i + dims/2)
/// (https://arxiv.org/abs/2104.09864 and GPT-NeoX).
enum class RopeLayout { kNone, kAdjacent, kSplitHalf };

struct RopeParams {
  RopeLayout layout = RopeLayout::kAdjacent;
  int heads = 0;
  int head_width = 0;                          ///< columns of a head
  int first = 0;                               ///< first rotary column of a head
  int dims = 0;                                ///< rotary columns; the rest stay as they are
  std::span<const float> inverse_frequencies;  ///< [dims / 2]: the angle is position times this
  float magnitude = 1.0f;                      ///< factor on the rotary columns (YaRN)
};

enum class AttentionSpan { kFull, kSliding, kChunked, kCentred };

/// A learned bias of scores by the distance from query to key (T5's relative position bias).
struct DistanceBias {
  const float* values = nullptr;          ///< [buckets][heads]; null: no bias
  const std::int32_t* buckets = nullptr;  ///< [2 * reach + 1]: those of distances -reach to reach
  int reach = 0;                          ///< larger distances count as this one
};

/// Keys that stand for `stride` tokens each: key j for those at [j * stride, (j + 1) * stride). It
/// is seen from the last of these on.
struct CompressedKeys {
  int layer = 0;   ///< of the KvStore, whose shape has this stride
  int stride = 0;  ///< 0: there are none
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
  /// The values are the first columns of the keys: the layer keeps no values of its own.
  bool values_in_keys = false;
  /// After the keys of `layer`, in the same softmax. They are what `selected` applies to.
  CompressedKeys compressed = {};
};

/// Each index head picks blocks of tokens for the KV head of the same number: those whose best
/// token has the largest q k, and in any case the last `recent` (MiniMax-M3).
struct PickedBlocks {
  int tokens = 0;  ///< of a block; 0: keys or tokens are picked, for all KV heads
  int recent = 0;  ///< the row's own block is the first of them
};

/// How a query picks the keys that attention sees: the best by the sum over index heads of weight *
/// relu(q k) (https://arxiv.org/abs/2512.02556, section 2.1).
struct SelectParams {
  int layer = 0;   ///< of the KvStore: one head of index keys
  int heads = 0;   ///< of the index queries
  int width = 0;   ///< of an index key
  int most = 0;    ///< keys, tokens or blocks that are picked
  int stride = 1;  ///< of `layer`; more than 1: see CompressedKeys
  /// Tokens are picked instead of keys. Each has the score of the key that stands for it and
  /// others; tokens after the last key come first.
  bool picks_tokens = false;
  PickedBlocks blocks = {};  ///< of keys with a stride of 1
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
  kGeluOfHalves,  ///< kGelu with argument and value rounded to binary16 if |x| < 10, and x or 0
                  ///< beyond, as llama.cpp tabulates it
  kIdentity,
  kSquareRoot,
  kElu,           ///< x, or exp(x) - 1 if it is below 0
  kClampedSwiglu  ///< gpt-oss: g = min(gate, 7); g * sigmoid(1.702 g) * (clamp(up, -7, 7) + 1)
};

/// Expert choice (all in float32, ties to the lower index).
enum class GateFunction { kSoftmax, kSigmoid, kSoftmaxAfterTopK, kSquareRootOfSoftplus };

struct RouteParams {
  GateFunction gate = GateFunction::kSoftmax;
  int used = 0;
  const float* selection_bias = nullptr;  ///< [experts], added for the choice only (DeepSeek-V3)
  int groups = 1;                         ///< the experts form this many groups
  int used_groups = 1;                    ///< groups whose experts may be chosen
  bool normalise = false;                 ///< weights of the used sum to one
  float scale = 1.0f;                     ///< then times this
  bool given = false;                     ///< the experts are chosen already and only weighed
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

/// How a scan's matrix S [key_width][value_width] changes from token to token, with decay w (along
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

/// Which of the `key_heads` keys and queries head h of `heads` reads: kBlocks h * key_heads /
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
  View decay;        ///< [heads * key_width], or [heads] if all keys of a head share one
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

/// Windows of `ratio` tokens become one row each: for every column the mean of the values, weighted
/// by the softmax of their scores. With `overlaps` a window also covers the one before it: that one
/// has the first half of the columns, and the window itself the second.
struct PoolParams {
  StatePart state;  ///< [kept()][values | scores], of token t at t % kept()
  int ratio = 0;
  bool overlaps = false;
  const float* offsets = nullptr;  ///< [ratio][columns], added to the scores by place in a window

  int kept() const { return overlaps ? 2 * ratio : ratio; }
};

/// Hyper-connections (https://arxiv.org/abs/2409.19606) whose mixing matrix is made doubly
/// stochastic by Sinkhorn's iterations (https://arxiv.org/abs/2512.24880).
struct StreamParams {
  int streams = 0;               ///< at most kMostStreams
  float epsilon = 0.0f;          ///< added to the weights of `read`, and to divisors
  int iterations = 0;            ///< >= 1
  const float* scale = nullptr;  ///< [3]: of the reading, writing and mixing part
  const float* base = nullptr;   ///< [streams * (streams + 2)], added after it
};

inline constexpr int kMostStreams = 8;

/// How a decay in (0, 1) follows from x + bias.
enum class DecayKind {
  kSoftplus,     ///< exp(rate * softplus(x + bias)); x becomes the softplus (Mamba-2, delta nets)
  kExponential,  ///< exp(-exp(x + bias)) (RWKV-6)
  kSigmoid       ///< exp(-exp(-1/2) * sigmoid(x + bias)) (RWKV-7)
};

struct DecayParams {
  DecayKind kind = DecayKind::kSoftplus;
  const float* bias = nullptr;  ///< [columns] or null
  const float* rate = nullptr;  ///< kSoftplus: [columns]
};

}  // namespace linnet
