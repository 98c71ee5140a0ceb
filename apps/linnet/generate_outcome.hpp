#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generate/engine.hpp"

namespace linnet::app {

/// One text of `linnet generate`.
struct Answer {
  std::uint64_t seed = 0;
  std::vector<TokenId> tokens;
  std::string text;
  FinishReason reason = FinishReason::kCancelled;
  std::vector<TokenLogprobs> logprobs;
};

/// What `linnet generate` did.
struct GenerateOutcome {
  std::vector<TokenId> prompt;
  Media media;
  std::int64_t vocabulary = 0;     ///< of the model; ids beyond it are rows of pictures
  std::int64_t cached_tokens = 0;  ///< of the prompt, not computed again
  std::vector<Answer> answers;
  bool is_drawn = false;  ///< by their seeds: the temperature is not 0
  std::optional<SpeculationCounts> speculation;
  double prompt_s = 0.0, generation_s = 0.0, load_s = 0.0;
};

/// What is known of a model before it is loaded, to standard error.
void note_summary(const ModelFile& file, const MemoryPlan& plan);

/// How long it took, to standard error.
void note_report(const GenerateOutcome& outcome);

/// All of it as one JSON object to standard output.
Status write_json(const GenerateOutcome& outcome);

}  // namespace linnet::app
