#pragma once

#include <cstdint>
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
};

struct AttentionSpec {
  int heads = 0;  ///< 0: the layer has no attention
  int kv_heads = 0;
  int key_width = 0;    ///< of one head
  int value_width = 0;  ///< of one head
  float scale = 0.0f;   ///< of the scores; usually 1 / sqrt(key_width)
  float softcap = 0.0f;
  AttentionSpan span = AttentionSpan::kFull;
  int window = 0;
  RopeSpec rope;
};

struct MlpSpec {
  int width = 0;  ///< 0: the layer has no dense feed-forward part
  Activation activation = Activation::kSilu;
  bool scaled = true;  ///< the factors .scale of the projections take part
};

struct MoeSpec {
  int experts = 0;  ///< 0: the layer has no experts
  int width = 0;    ///< of one expert
  Activation activation = Activation::kSilu;
  RouteParams route;
};

/// One layer. Which optional parts it has (biases, QK-norm, post-norms, fused projections, gates)
/// follows from the tensors that are in the file.
struct LayerSpec {
  AttentionSpec attention;
  RecurrentSpec recurrent;      ///< its output is added to that of attention where a layer has both
  RecurrentSpec recurrent_ffn;  ///< a feed-forward part that keeps a state
  float output_scale = 1.0f;    ///< of the layer's result
  MlpSpec mlp;
  MoeSpec moe;
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
  std::string_view ffn = "ffn_norm";
  std::string_view ffn_post = "post_ffw_norm";
  std::string_view output = "output_norm";
};

/// Everything that the forward pass needs to know of a model, read from the metadata by its
/// architecture (src/architectures/).
struct ModelSpec {
  std::string architecture;
  std::string name;
  std::int64_t vocabulary = 0;
  std::int64_t width = 0;           ///< of the residual stream
  std::int64_t context_length = 0;  ///< that the model was trained for
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 1e-5f;
  float embedding_scale = 1.0f;
  float residual_scale = 1.0f;  ///< of what a block adds to the residual stream
  float logit_scale = 1.0f;
  float logit_softcap = 0.0f;
  bool causal = true;
  std::int64_t shared_columns = 0;  ///< that the first layer hands to the later ones (RWKV-7)
  bool parallel_residual = false;   ///< mixer and feed-forward read the same input
  NormNames norm_names;
  NormUse embedding_norm = NormUse::kNone;
  std::vector<LayerSpec> layers;
};

}  // namespace linnet
