#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "backend/parameters.hpp"
#include "model/spec/indexer_spec.hpp"
#include "model/spec/rope_spec.hpp"

namespace linnet {

/// Factor on the queries that grows with the position p (attention temperature tuning of Llama 4):
/// 1 + scale * ln(1 + floor((p + offset) / length)).
struct QueryTemperature {
  float scale = 0.0f;       ///< 0: none
  std::int64_t length = 1;  ///< tokens
  int offset = 0;           ///< tokens
};

/// Attention with grouped queries (https://arxiv.org/abs/2305.13245): query head h reads the KV
/// head h * kv_heads / heads.
struct AttentionSpec {
  int heads = 0;        ///< of queries; 0: the layer has no attention
  int kv_heads = 0;     ///< 0: the output projection alone is the mixer (Deci's "linear" layers)
  int key_width = 0;    ///< columns of one head
  int value_width = 0;  ///< columns of one head
  int kv_layer = -1;    ///< reads the keys and values of this layer; -1: its own

  // Scores: softmax(cap(scale * q k^T) + biases).
  float scale = 0.0f;       ///< usually 1 / sqrt(key_width)
  float softcap = 0.0f;     ///< cap * tanh(score / cap) (Gemma 2); 0: none
  float alibi_bias = 0.0f;  ///< ALiBi (https://arxiv.org/abs/2108.12409): slopes to 2^-this; 0: no
  /// Learned biases by the distance from query to key (https://arxiv.org/abs/1910.10683, section
  /// 2.1); see linnet::DistanceBias. Layers whose file has none share those of the first layer.
  struct DistanceBias {
    int count = 0;                      ///< of buckets; 0: there are none
    std::vector<std::int32_t> buckets;  ///< [2 * reach + 1], of the distances -reach to reach
  } distance_bias;

  // Which keys a row sees.
  AttentionSpan span = AttentionSpan::kFull;
  int window = 0;           ///< tokens, if `span` has a window
  bool in_windows = false;  ///< rows see those of their window (towers): see Batch::windows
  BlockIndexerSpec blocks;  ///< of what is left, those that it picks

  // Positions.
  RopeSpec rope;
  /// Instead of `rope` if rows have places. Where all places of a row are its position they come
  /// to the same.
  std::vector<PlacedRope> placed_ropes;
  QueryTemperature temperature;

  // Norms of heads. Which of them have weights follows from the file; these are besides, without.
  bool plain_query_norm = false;
  bool plain_key_norm = false;
  bool plain_value_norm = false;
  bool norm_after_rope = false;  ///< of queries and keys
  /// How heads are normalised; by default as the model's layers are.
  struct HeadNormKind {
    NormKind kind = NormKind::kRms;
    float epsilon = 0.0f;
  };
  std::optional<HeadNormKind> head_norm;

  // Projections.
  /// Queries, keys and values are kept in [-clamp, clamp] (MPT, DBRX); 0: none.
  float clamp = 0.0f;
  Activation gate = Activation::kSigmoid;  ///< of the output gate, if the file has one
  float output_scale = 1.0f;               ///< of the output projection (MiMo 2)
  /// A fused projection of more rows than heads take up (CogVLM, Qwen): how many, and where keys
  /// and values begin.
  struct FusedRows {
    int all = 0;  ///< 0: exactly those of queries, keys and values, in this order
    int key = 0;
    int value = 0;
  } fused_rows;
};

/// Attention of a text to its input (https://arxiv.org/abs/1706.03762, section 3.2.3): every token
/// of the text sees all of the input.
struct CrossAttentionSpec {
  int heads = 0;  ///< of queries; 0: the layer has none
  int kv_heads = 0;
  int key_width = 0;    ///< columns of one head
  int value_width = 0;  ///< columns of one head
  float scale = 0.0f;   ///< of the scores
  int kv_layer = -1;    ///< where keys and values of the input are kept
};

}  // namespace linnet
