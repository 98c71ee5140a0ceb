#pragma once

#include <string_view>

namespace linnet {

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
  /// Of the residual stream after the result of mixer or feed-forward part is added (BERT).
  std::string_view mixer_sum;
  std::string_view ffn_sum;
  /// After mixer_sum the mixer's input is added once more, and normalised again (Jina).
  std::string_view mixer_again;
  std::string_view output = "output_norm";
};

}  // namespace linnet
