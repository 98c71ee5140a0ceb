#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generate/cache/sequence_cache.hpp"
#include "generate/generate_request.hpp"
#include "generate/media/prompt_media.hpp"
#include "generate/sampling/sampler_chain.hpp"
#include "model/model.hpp"

namespace linnet {

/// A request while it is computed, step by step.
struct Sequence {
  Sequence(GenerateRequest request, std::uint64_t id, const ModelSpec& spec);

  std::int64_t pending() const { return std::ssize(tokens) - stored.computed; }
  /// Its latest tokens are all that is to be computed, not a prompt.
  bool is_generating() const;
  /// Most prompt tokens that may be taken from the cache: those whose logits or hidden states are
  /// wanted, and the last one, are always computed.
  std::int64_t most_known() const;
  /// The number of the next `rows` rows whose logits tell of the prompt's next tokens.
  std::int64_t rows_to_score(std::int64_t rows) const;
  /// Nothing is to be drawn, and all is computed.
  bool is_done() const { return request.max_tokens == 0 && pending() == 0; }
  /// What samplers see: without the ids of media.
  std::span<const TokenId> text() const { return media.empty() ? tokens : text_tokens; }
  void add_token(TokenId token);

  GenerateRequest request;
  std::uint64_t id;
  SamplerChain chain;
  std::vector<TokenId> tokens;  ///< prompt and output
  PromptMedia media;
  std::vector<TokenId> text_tokens;  ///< if there are media
  std::int64_t input_tokens = 0;     ///< the prompt's, if the model has an input
  StoredSequence stored;
  std::int64_t drawn = 0;
  std::int64_t scored = 0;  ///< rows of the prompt whose logits were told of
  bool started = false;
  std::int64_t refused_after = -1;  ///< the queue's releases_ at the last refusal
  bool has_rows = false;            ///< in this step
  std::vector<TokenId> guesses;     ///< that are verified in this step
};

/// The oldest first.
using Sequences = std::list<Sequence>;

}  // namespace linnet
