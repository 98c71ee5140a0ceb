#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/parameters.hpp"
#include "base/token_id.hpp"
#include "model/spec/adapters_spec.hpp"
#include "model/spec/cycles_spec.hpp"
#include "model/spec/layer_spec.hpp"
#include "model/spec/norm_spec.hpp"
#include "model/spec/prediction_spec.hpp"
#include "model/spec/residual_spec.hpp"

namespace linnet {

/// The input of a model that reads one text and writes another (T5,
/// https://arxiv.org/abs/1910.10683): the first layers read the input, whose tokens see each other,
/// and the others write, seeing what was read (LayerSpec::cross) and the text so far. Positions of
/// input and text are counted apart.
struct InputSpec {
  int layers = 0;           ///< that read the input; 0: the model has none
  TokenId first_token = 0;  ///< that stands before a text
};

/// Everything that the forward pass needs to know of a model, read from the metadata by its
/// architecture (src/architectures/). What layers are made of is in spec/.
struct ModelSpec {
  std::string architecture;
  std::string name;
  std::int64_t vocabulary = 0;      ///< tokens; 0: all rows are given
  std::int64_t width = 0;           ///< columns of the residual stream
  std::int64_t context_length = 0;  ///< tokens that the model was trained for

  // What stands before the layers.
  std::string_view tokens_tensor = "token_embd";  ///< the table of embeddings
  float embedding_scale = 1.0f;
  bool scales_given = false;  ///< given rows, too
  NormUse embedding_norm = NormUse::kNone;
  /// Rows of the table of learned positions, and so the longest text; 0: there is no table.
  std::int64_t position_rows = 0;
  /// Columns of the embedding that every layer has of its own (Gemma 3n); 0: none.
  std::int64_t per_layer_width = 0;
  AdaptersSpec adapters;
  InputSpec input;
  PredictionSpec prediction;

  // The layers.
  std::vector<LayerSpec> layers;
  std::string_view layer_name = "blk";  ///< before the number of a layer, in the names of tensors
  int first_block = 0;                  ///< the file's number of the first layer
  CyclesSpec cycles;
  ResidualSpec residual;
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 1e-5f;
  float post_norm_epsilon = 1e-5f;  ///< of the norms after mixer and feed-forward part
  NormNames norm_names;
  NormUse pre_norm = NormUse::kWeights;
  bool causal = true;  ///< else tokens of a text, or of its input, see later ones
  /// Columns that the first layer hands to the later ones: its values, for value residuals
  /// (https://arxiv.org/abs/2410.17897, RWKV-7).
  std::int64_t shared_columns = 0;
  /// DeepStack (https://arxiv.org/abs/2406.04334, Qwen3-VL): this many of the first layers add
  /// columns of a given row to their result, each its own.
  int deepstack_layers = 0;
  /// Instead of 0, as many as the encoder of pictures has columns for (Qwen3-Omni).
  bool takes_deepstack_of_encoder = false;
  std::vector<int> deepstack_behind;  ///< these layers, instead, in the order of the columns
  /// Layers whose results are wanted besides those of the last one, ascending.
  std::vector<int> kept_layers;
  /// Nothing is kept from batch to batch: all layers put keys and values where the first one does,
  /// whose shape they share.
  bool forgets_keys = false;

  // What comes after them.
  NormUse output_norm = NormUse::kWeights;
  /// Its results are the hidden states: there are no logits. Tokens see each other.
  bool encoder = false;
  float logit_scale = 1.0f;
  float logit_softcap = 0.0f;  ///< cap * tanh(logit / cap) (Gemma 2); 0: none
  /// Tokens that are not drawn (images): their logits are the lowest number.
  struct {
    std::int64_t first = 0;
    std::int64_t count = 0;
  } suppressed_tokens;
  /// Tokens that are not drawn, whatever their logits are: those that the file names.
  std::vector<TokenId> banned_tokens;
  /// Columns of the hidden states if a projection for embeddings changes them; 0: `width`.
  std::int64_t embedding_width = 0;

  /// Patterns of tensors that the forward pass does without; see WeightLoader::ignore.
  std::vector<std::string> unused_tensors;

  /// After which layer the columns `part` of deepstack_layers are added.
  int layer_of_deepstack(int part) const {
    return deepstack_behind.empty() ? part : deepstack_behind[part];
  }
  /// Columns of a layer's result (Model::kept()): the residual stream, or all streams.
  std::int64_t result_columns() const {
    return width * std::max(1, residual.hyper_connection.streams);
  }
  /// Columns of a given row (see GivenRows). For kJoined and kReadsKeys given rows are hidden
  /// states of the target, in its width.
  std::int64_t given_columns() const {
    const bool is_of_target = prediction.kind == PredictionSpec::Kind::kJoined ||
                              prediction.kind == PredictionSpec::Kind::kReadsKeys;
    return is_of_target ? prediction.target_width : width * (1 + deepstack_layers);
  }
  /// Columns of a hidden state: see Model::hidden().
  std::int64_t hidden_columns() const { return embedding_width > 0 ? embedding_width : width; }
  bool predicts() const { return prediction.kind != PredictionSpec::Kind::kNone; }
  /// Columns that a layer's mixer reads.
  std::int64_t mixer_columns() const {
    return prediction.kind == PredictionSpec::Kind::kBeside ? 2 * width : width;
  }
  /// Columns of a row of logits.
  std::int64_t logit_columns() const {
    return prediction.tokens.empty() ? vocabulary : std::ssize(prediction.tokens);
  }
  /// Whether layers hand on one residual stream and nothing else: whatever other models have
  /// besides it is not in their results.
  bool has_one_stream() const {
    return residual.altup_streams == 0 && residual.attention_group == 0 &&
           residual.hyper_connection.streams == 0 && !cycles.has_two_stacks() && input.layers == 0;
  }
};

}  // namespace linnet
