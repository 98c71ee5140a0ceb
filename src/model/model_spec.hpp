#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.hpp"
#include "model/recurrent_spec.hpp"

namespace linnet {

/// Rotary position embedding of a layer (https://arxiv.org/abs/2104.09864).
struct RopeSpec {
  RopeLayout layout = RopeLayout::kNone;
  int first = 0;                           ///< first turned column of a head
  int dims = 0;                            ///< turned columns of a head
  std::vector<float> inverse_frequencies;  ///< [dims / 2], scaling and factors applied
  float magnitude = 1.0f;                  ///< factor on turned columns (YaRN)

  /// The operation on heads of `head_width` columns; the spec must outlive it.
  RopeParams params(int heads, int head_width) const {
    return {layout, heads, head_width, first, dims, inverse_frequencies, magnitude};
  }
};

/// A rope that turns by one of the places of a row (Batch::places): by time, height or width in a
/// picture (https://arxiv.org/abs/2409.12191). Columns of other ropes have frequency 0.
struct PlacedRope {
  int component = 0;  ///< of the places
  RopeSpec rope;
};

/// Factor on the queries that grows with the position p (Llama 4):
/// 1 + scale * ln(1 + floor((p + offset) / length)).
struct QueryTemperature {
  float scale = 0.0f;  ///< 0: none
  std::int64_t length = 1;
  int offset = 0;
};

/// The lightning indexer (https://arxiv.org/abs/2512.02556, section 2.1): small queries and keys
/// that pick the keys which attention sees.
struct IndexerSpec {
  int heads = 0;  ///< 0: none
  int width = 0;  ///< of an index key
  int most = 0;   ///< keys that are picked
  /// The picks of the layer before are used instead of own ones.
  bool reused = false;
  int kv_layer = -1;  ///< where the index keys are kept
  float key_norm_epsilon = 1e-6f;
  RopeSpec rope;
};

/// Picks the tokens that attention sees in blocks of `stride`. A block has one index key: the mean
/// of its tokens' keys (Qwen 3.8). Tokens behind the last whole block are always seen.
struct BlockIndexerSpec {
  int heads = 0;      ///< 0: none
  int width = 0;      ///< of an index key
  int most = 0;       ///< tokens that are picked
  int stride = 0;     ///< tokens of a block
  int kv_layer = -1;  ///< where the index keys are kept
  RopeSpec rope;

  /// Of a sequence, for the block that is not whole yet.
  std::int64_t state_floats() const { return std::int64_t{2} * stride * width; }
};

struct AttentionSpec {
  int heads = 0;        ///< 0: the layer has no attention
  int kv_heads = 0;     ///< 0: the output projection alone is the mixer (Deci's "linear" layers)
  int key_width = 0;    ///< of one head
  int value_width = 0;  ///< of one head
  float scale = 0.0f;   ///< of the scores; usually 1 / sqrt(key_width)
  float softcap = 0.0f;
  AttentionSpan span = AttentionSpan::kFull;
  int window = 0;
  RopeSpec rope;
  /// Instead of `rope` where rows have places. Where all places of a row are its position they come
  /// to the same.
  std::vector<PlacedRope> placed_ropes;
  float clamp = 0.0f;       ///< of queries, keys and values; 0: none
  float alibi_bias = 0.0f;  ///< largest slope of ALiBi (https://arxiv.org/abs/2108.12409); 0: none
  /// Learned biases of the scores by the distance from query to key; see linnet::DistanceBias.
  /// Layers whose file has none share those of the first layer.
  struct DistanceBias {
    int count = 0;                      ///< of buckets; 0: there are none
    std::vector<std::int32_t> buckets;  ///< [2 * reach + 1]
  } distance_bias;
  /// RMS-norms of each head without weights, besides those that the file has weights for.
  bool plain_query_norm = false;
  bool plain_key_norm = false;
  bool plain_value_norm = false;
  bool norm_after_rope = false;
  /// How heads are normalised; by default as the model's layers are.
  struct HeadNormKind {
    NormKind kind = NormKind::kRms;
    float epsilon = 0.0f;
  };
  std::optional<HeadNormKind> head_norm;
  QueryTemperature temperature;
  Activation gate = Activation::kSigmoid;  ///< of the output gate, where the file has one
  float output_scale = 1.0f;
  /// A fused projection of more rows than heads take up (CogVLM, Qwen): how many, and where keys
  /// and values begin.
  struct FusedRows {
    int all = 0;  ///< 0: exactly those of queries, keys and values, in this order
    int key = 0;
    int value = 0;
  } fused_rows;
  int kv_layer = -1;  ///< reads the keys and values of this layer instead of its own; -1: its own
  BlockIndexerSpec blocks;
  bool in_windows = false;  ///< rows see those of their window: see Batch::windows
};

/// Attention of a text to its input (https://arxiv.org/abs/1706.03762, section 3.2.3): every token
/// of the text sees all of the input.
struct CrossAttentionSpec {
  int heads = 0;  ///< 0: the layer has none
  int kv_heads = 0;
  int key_width = 0;    ///< of one head
  int value_width = 0;  ///< of one head
  float scale = 0.0f;
  int kv_layer = -1;  ///< where keys and values of the input are kept
};

/// Multi-head latent attention (https://arxiv.org/abs/2405.04434, section 2.1): keys and values are
/// up-projections of one latent vector per token; a part of the key that is turned is shared.
struct LatentAttentionSpec {
  int heads = 0;         ///< 0: the layer has none
  int query_rank = 0;    ///< of the query's down-projection; 0: projected at once
  int latent_width = 0;  ///< kv_lora_rank
  int plain_width = 0;   ///< columns of a query head that are not turned
  int rope_width = 0;
  int value_width = 0;  ///< of one head
  float scale = 0.0f;
  int window = 0;  ///< of the last tokens, which alone are seen; 0: all are
  /// The latents themselves are cached and the up-projections moved to query and output.
  bool absorbed = false;
  RopeSpec rope;
  QueryTemperature temperature;
  IndexerSpec indexer;

  int query_width() const { return plain_width + rope_width; }
};

/// Attention to a window of the last tokens and, behind it, to keys that stand for many tokens each
/// (DeepSeek-V4). All heads share one key, which is the value, too; the rotation of the values is
/// undone in the result.
struct CompressedAttentionSpec {
  int heads = 0;          ///< 0: the layer has none
  int head_width = 0;     ///< of queries, keys and values
  int query_rank = 0;     ///< of the query's down-projection
  int output_groups = 0;  ///< of heads, each with a down-projection of its own
  int output_rank = 0;    ///< of a group
  int window = 0;
  RopeSpec rope;
  RopeSpec reverse_rope;
  int stride = 0;         ///< tokens that a compressed key stands for; 0: there are no such keys
  bool overlaps = false;  ///< a compressed key is made of twice as many; see PoolParams
  int kv_layer = -1;      ///< where compressed keys are kept
  IndexerSpec indexer;    ///< picks among them

  /// What a token gives to compressed keys of `width` columns.
  std::int64_t pooled_columns(int width) const { return std::int64_t{overlaps ? 2 : 1} * width; }
  /// What is kept of a sequence for compressed keys of `width` columns.
  std::int64_t window_floats(int width) const {
    PoolParams params;
    params.ratio = stride;
    params.overlaps = overlaps;
    return params.kept() * 2 * pooled_columns(width);
  }
  std::int64_t state_floats() const {
    if (stride == 0) return 0;
    return window_floats(head_width) + (indexer.heads > 0 ? window_floats(indexer.width) : 0);
  }
};

/// xIELU (https://arxiv.org/abs/2411.13010): positive * x^2 + linear * x above 0, and
/// negative * (exp(x) - 1 - x) + linear * x below.
struct Xielu {
  float positive = 0.0f;
  float negative = 0.0f;
  float linear = 0.0f;
};

/// How a feed-forward part goes from the width within it to what its last projection reads.
struct GateSpec {
  Activation activation = Activation::kSilu;
  std::optional<Xielu> xielu;  ///< instead of `activation`, where there is no gate
  float clamp = 0.0f;          ///< of the activated gate and of what it multiplies; 0: none
  /// SiTU (Kimi K3) instead of `activation`: sigmoid(gate) * cap * tanh(gate / cap), times
  /// up_cap * tanh(up / up_cap). 0: not so; `up_cap` 0: times `up`.
  float cap = 0.0f;
  float up_cap = 0.0f;
  /// `clamp` is of what goes into the activation, on top only, instead (DeepSeek-V4).
  bool clamps_before = false;
};

struct MlpSpec {
  int width = 0;  ///< 0: the layer has no dense feed-forward part
  GateSpec gate;
  bool projected = true;         ///< else the activation alone
  bool exchanged_names = false;  ///< what the file calls ffn_up is the last projection (old towers)
  float gate_cut = 0.0f;         ///< see Backend::cut_below; 0: none
};

struct MoeSpec {
  int experts = 0;  ///< 0: the layer has no experts
  int width = 0;    ///< of one expert
  GateSpec gate;
  RouteParams route;
  /// Columns that the experts read and give, between a projection before them all and one behind
  /// (Nemotron 3, Kimi K3); 0: those of the residual stream.
  int latent_width = 0;
  /// The weight of an expert scales its input instead of its output (Llama 4).
  bool weigh_input = false;
  /// GroveMoE (https://arxiv.org/abs/2508.07785): `chunk_size` experts share a small one, which
  /// goes on from what the experts gave; its result counts `chunk_scale` times. 0: none.
  int chunk_size = 0;
  int chunk_width = 0;
  float chunk_scale = 0.0f;
  /// Tokens of the vocabulary whose experts a table in the file names, so that the router only
  /// weighs them; 0: the router picks them.
  std::int64_t table_tokens = 0;
  /// Router alone, or router and experts, read what the mixer reads.
  enum class Input {
    kFeedForward,
    kRouterBeforeMixer,
    kAllBeforeMixer
  } input = Input::kFeedForward;
};

/// Embeddings of the last tokens together (Qwen 3.8): n-grams of 2 to `size` tokens name rows of a
/// table by their hashes. What projections make of these is gated by the residual streams, mixed
/// with that of earlier tokens, and added to the streams.
struct NgramSpec {
  int size = 0;                            ///< 0: the layer has none
  int rows_each = 0;                       ///< that an n-gram of one length names
  int row_width = 0;                       ///< columns of a row
  std::int64_t columns = 0;                ///< of all residual streams
  int kernel = 0;                          ///< of a convolution over every `size`-th token
  std::int32_t end_token = 0;              ///< what stands before it counts as it does
  std::vector<std::uint64_t> multipliers;  ///< [size], the newest token's first
  std::int64_t table_rows = 0;
  /// [rows()]: the part of the table where each of a token's rows is.
  struct Part {
    std::int64_t first = 0;
    std::int64_t count = 1;
  };
  std::vector<Part> parts;

  int rows() const { return (size - 1) * rows_each; }
  std::int64_t all_columns() const { return std::int64_t{rows()} * row_width; }
  int before() const { return size - 1; }                    ///< tokens that an n-gram looks back
  int convolved() const { return (kernel - 1) * size + 1; }  ///< tokens under the convolution
  /// Of the tokens before, and behind them of what is convolved.
  std::int64_t token_floats() const { return std::int64_t{before()} * before(); }
  std::int64_t state_floats() const {
    return size == 0 ? 0 : token_floats() + (convolved() - 1) * columns;
  }
};

/// One layer. Which optional parts it has (biases, QK-norm, post-norms, fused projections, gates)
/// follows from the tensors that are in the file.
struct LayerSpec {
  AttentionSpec attention;
  RecurrentSpec recurrent;      ///< where a layer has attention too, their outputs are added
  RecurrentSpec recurrent_ffn;  ///< a feed-forward part that keeps a state
  LatentAttentionSpec latent;
  CompressedAttentionSpec compressed;
  CrossAttentionSpec cross;  ///< between mixer and feed-forward part
  NgramSpec ngrams;          ///< before the mixer
  MlpSpec mlp;
  MlpSpec shared;  ///< the expert that every token uses
  MoeSpec moe;
  bool bare_mixer_input = false;  ///< no norm before the mixer (ModernBERT's first layer)
  float output_scale = 1.0f;      ///< of the layer's result
  float ffn_scale = 1.0f;         ///< of dense, shared and routed parts together

  bool has_mixer() const {
    return attention.heads > 0 || latent.heads > 0 || compressed.heads > 0 || is_present(recurrent);
  }
  /// What mixer and feed-forward part keep of a sequence; that of the n-grams is behind it.
  std::int64_t block_state_floats() const {
    return attention.blocks.state_floats() + compressed.state_floats() +
           linnet::state_floats(recurrent) + linnet::state_floats(recurrent_ffn);
  }
  bool has_ffn() const { return mlp.width > 0 || moe.experts > 0 || is_present(recurrent_ffn); }
};

/// Low-rank adapters of the projections, each switched on by a token of the text for the tokens
/// behind it (Granite Switch).
struct AdaptersSpec {
  std::vector<std::int32_t> tokens;       ///< that switch each adapter on; none: no adapters
  std::vector<std::int32_t> substitutes;  ///< what is embedded in the place of each of them
  int rank = 0;
  float gain =
      0.0f;  ///< how sure the choice is: the logit of such a token, and minus that of others
  int kv_layer = -1;  ///< where the choices are kept
};

/// How a norm appears in an architecture.
enum class NormUse {
  kWeights,  ///< with the weights of the file
  kPlain,    ///< without weights
  kNone
};

/// Where the norms of a layer and of the output are in the file; an empty name: there is none.
struct NormNames {
  std::string_view mixer = "attn_norm";
  std::string_view mixer_post = "post_attention_norm";
  std::string_view cross = "cross_attn_norm";
  std::string_view ffn = "ffn_norm";
  std::string_view ffn_post = "post_ffw_norm";
  /// Of the residual stream itself, with what mixer or feed-forward part gave (BERT).
  std::string_view mixer_sum;
  std::string_view ffn_sum;
  /// After mixer_sum the mixer's input is added once more, and normalised again (Jina).
  std::string_view mixer_again;
  std::string_view output = "output_norm";
};

/// Several residual streams: a block reads a mixture of them, and each becomes a mixture of all and
/// of the block's result. See StreamParams.
struct HyperConnectionSpec {
  int streams = 0;  ///< 0: the usual one
  /// 0: streams take in the block's result alone, and not each other (Hunyuan 4).
  int iterations = 0;
  float epsilon = 0.0f;
  float magnitude = 2.0f;  ///< most that the block's result counts, before `epsilon` is added, in
                           ///< streams that don't mix
  /// A block reads the mean of the streams, each normalised and gated by a product of this rank,
  /// and they keep what they are (Qwen 3.8). 0: not so.
  int gate_rank = 0;
};

/// Two stacks of layers that take turns over the same tokens (HRM-Text,
/// https://arxiv.org/abs/2506.21734): passes of the low one, then one of the high one, and so on.
/// ModelSpec::layers has the layers of all passes, each with keys and values of its own; those that
/// stand at the same place of a stack share their weights.
struct CyclesSpec {
  int stack = 0;  ///< layers of a stack; 0: every layer comes once
  int low = 0;    ///< passes of the low stack before each of the high one

  bool is_high(int layer) const { return layer / stack % (low + 1) == low; }
  bool begins_pass(int layer) const { return layer % stack == 0; }
  bool ends_pass(int layer) const { return begins_pass(layer + 1); }
  /// The number that the file gives to the weights of a layer: the high stack is behind the low
  /// one.
  int block(int layer) const {
    if (stack == 0) return layer;
    return layer % stack + (is_high(layer) ? stack : 0);
  }
};

/// Of a model that writes a text beside another one, its input (T5): the first layers read the
/// input, whose tokens see each other, and the others write, seeing what was read
/// (LayerSpec::cross) and the text so far. Positions of input and text are counted apart.
struct InputSpec {
  int layers = 0;                ///< that read; 0: the model has no input
  std::int32_t first_token = 0;  ///< that stands before a text
};

/// Everything that the forward pass needs to know of a model, read from the metadata by its
/// architecture (src/architectures/).
struct ModelSpec {
  std::string architecture;
  std::string name;
  std::int64_t vocabulary = 0;      ///< 0: all rows are given
  std::int64_t width = 0;           ///< of the residual stream
  std::int64_t context_length = 0;  ///< that the model was trained for
  /// Rows of the table of learned positions, and so the longest text; 0: there is no table.
  std::int64_t position_rows = 0;
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 1e-5f;
  float post_norm_epsilon = 1e-5f;  ///< of the norms behind mixer and feed-forward part
  NormNames norm_names;
  NormUse pre_norm = NormUse::kWeights;
  NormUse output_norm = NormUse::kWeights;
  NormUse embedding_norm = NormUse::kNone;
  float embedding_scale = 1.0f;
  /// Every layer adds the embeddings times its layer_output_scale (Talkie).
  bool embedding_skip = false;
  float residual_scale = 1.0f;  ///< of what a block adds to the residual stream
  /// Before a block's result is added, the residual stream becomes what the block reads, times this
  /// (MiniMax-01); 0: it stays what it was.
  float input_residual_scale = 0.0f;
  float logit_scale = 1.0f;
  float logit_softcap = 0.0f;
  /// Tokens that are not drawn (images): their logits are the lowest number.
  struct {
    std::int64_t first = 0;
    std::int64_t count = 0;
  } suppressed_tokens;
  /// How many of the first layers add to their result columns of a given row: each has its own
  /// (Qwen3-VL).
  int deep_inputs = 0;
  /// Whose results are wanted besides the last one's, ascending; all layers are in one place.
  std::vector<int> kept_layers;
  /// Nothing is kept from batch to batch: all layers keep keys and values in the place of the first
  /// one's, whose shape they share.
  bool forgets_keys = false;
  bool causal = true;  ///< else tokens of a text, or of its input, see later ones
  /// Its results are the hidden states; there are no logits, and tokens see each other.
  bool encoder = false;
  /// Columns of the embedding that every layer has of its own (Gemma 3n); 0: none.
  std::int64_t per_layer_width = 0;
  int altup_streams = 0;            ///< copies of the residual stream (Gemma 3n); 0: the usual one
  std::int64_t shared_columns = 0;  ///< that the first layer hands to the later ones (RWKV-7)
  /// Layers of a group at whose beginning the residual stream is kept for later blocks, and starts
  /// anew (Kimi K3); 0: nothing is kept.
  int residual_group = 0;
  HyperConnectionSpec hyper_connection;
  CyclesSpec cycles;
  bool parallel_residual = false;  ///< mixer and feed-forward read the same input
  AdaptersSpec adapters;
  InputSpec input;
  std::vector<LayerSpec> layers;
  std::string_view layer_name = "blk";  ///< before the number of a layer, in the names of tensors
  int first_block = 0;                  ///< the file's number of the first layer
  /// The layer predicts the token behind the next one (multi-token prediction,
  /// https://arxiv.org/abs/2412.19437, section 2.2): it reads of each token the embedding, and what
  /// the model's hidden state of the token before is, a given row.
  bool predicts = false;
  /// Patterns of tensors that the forward pass does without; see WeightLoader::ignore.
  std::vector<std::string> unused_tensors;

  /// Of a given row: see GivenRows.
  std::int64_t given_columns() const { return width * (1 + deep_inputs); }
};

}  // namespace linnet
