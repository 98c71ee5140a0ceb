// The residual stream, or the several that some models have, between blocks and layers.
#pragma once

namespace linnet {

/// Hyper-connections (https://arxiv.org/abs/2512.24880): a block reads a mixture of several
/// residual streams, and each becomes a mixture of all and of the block's result. See StreamParams.
struct HyperConnectionSpec {
  int streams = 0;     ///< 0: the usual one
  int iterations = 0;  ///< of Sinkhorn's algorithm; 0: streams take in the block's result alone,
                       ///< and not each other (Hunyuan 4)
  float epsilon = 0.0f;
  float magnitude = 2.0f;  ///< most that the block's result counts, before `epsilon` is added, in
                           ///< streams that don't mix
  /// A block reads the mean of the streams, each normalised and gated by a product of this rank,
  /// and they keep what they are (Qwen 3.8). 0: not so.
  int gate_rank = 0;
};

/// What becomes of the residual stream. Usually a block's result is added, and that is all.
struct ResidualSpec {
  float scale = 1.0f;     ///< of what a block adds
  bool parallel = false;  ///< mixer and feed-forward part read the same input (GPT-J)
  /// Before a block's result is added, the stream becomes what the block reads, times this
  /// (MiniMax-01); 0: it stays what it was.
  float input_scale = 0.0f;
  /// Every layer adds the embeddings times its layer_output_scale (Talkie).
  bool embedding_skip = false;
  /// Alternating updates (https://arxiv.org/abs/2301.13310, Gemma 3n): copies of the stream, of
  /// which a layer computes the first and predicts the others; 0: the usual one.
  int altup_streams = 0;
  /// Attention residuals (Kimi K3): layers of a group at whose beginning the stream is kept for
  /// later blocks, and starts anew; 0: nothing is kept.
  int attention_group = 0;
  HyperConnectionSpec hyper_connection;
};

}  // namespace linnet
