#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "generate/cache/sequence_cache.hpp"
#include "generate/generate_request.hpp"
#include "generate/prompt_pictures.hpp"
#include "generate/sampling/sampler_chain.hpp"
#include "model/model.hpp"

namespace linnet {

/// A request while it is computed, step by step.
struct Sequence {
  /// `vision` is the encoder's, null where there is none; it must outlive the sequence.
  Sequence(GenerateRequest request, std::uint64_t id, const ModelSpec& spec,
           const VisionSpec* vision);

  std::int64_t pending() const { return std::ssize(tokens) - stored.computed; }
  /// Its latest tokens are all that is to be computed, not a prompt.
  bool is_generating() const;
  /// Hidden states are not in the cache.
  bool needs_all_hidden() const { return request.on_hidden && !request.last_hidden_only; }
  /// What samplers see: without the ids of pictures.
  std::span<const std::int32_t> text() const { return pictures.empty() ? tokens : text_tokens; }
  void add_token(std::int32_t token);

  GenerateRequest request;
  std::uint64_t id;
  SamplerChain chain;
  std::vector<std::int32_t> tokens;  ///< prompt and output
  PromptPictures pictures;
  std::vector<std::int32_t> text_tokens;  ///< where there are pictures
  std::int64_t input_tokens = 0;          ///< the prompt's, where the model has an input
  StoredSequence stored;
  std::int64_t drawn = 0;
  bool started = false;
  std::int64_t refused_after = -1;    ///< so many releases there was no memory to start with
  bool has_rows = false;              ///< in this step
  std::vector<std::int32_t> guesses;  ///< that are verified in this step
};

/// The oldest first.
using Sequences = std::list<Sequence>;

}  // namespace linnet
