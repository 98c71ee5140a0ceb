#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/token_id.hpp"
#include "generate/sampling/candidates.hpp"
#include "generate/sampling/logit_needs.hpp"
#include "generate/sampling/params.hpp"

namespace linnet {

/// What is known where a token is drawn.
struct DrawContext {
  std::span<const TokenId> tokens;  ///< prompt and output so far
  std::int64_t drawn = 0;           ///< tokens of the output so far
};

/// One step of a chain: changes logits or removes candidates. Belongs to one sequence.
class SamplerStep {
 public:
  virtual ~SamplerStep() = default;

  virtual void apply(Candidates& candidates, const DrawContext& context) = 0;
  /// Adds to `needs` what apply() would need to know with this context, where the samplers before
  /// have not cut: the whole row, if it does not know better.
  virtual void state_needs(LogitNeeds& needs, const DrawContext& /*context*/) { needs.all = true; }
  /// A token was drawn, which had this probability among what the chain left.
  virtual void accept(TokenId /*token*/, double /*probability*/) {}
  /// A text to which no token can be added may end here, because it has the form that this asks
  /// for.
  virtual bool is_complete() const { return false; }
};

using SamplerStepPointer = std::unique_ptr<SamplerStep>;

// Each in the file of its name; null where `params` switch it off.
SamplerStepPointer make_grammar(const SamplingParams& params);
SamplerStepPointer make_logit_bias(const SamplingParams& params);
SamplerStepPointer make_banned_tokens(const SamplingParams& params);
SamplerStepPointer make_thinking_budget(const SamplingParams& params);
SamplerStepPointer make_penalties(const SamplingParams& params);
SamplerStepPointer make_dry(const SamplingParams& params);
SamplerStepPointer make_top_n_sigma(const SamplingParams& params);
SamplerStepPointer make_top_k(const SamplingParams& params);
SamplerStepPointer make_typical(const SamplingParams& params);
SamplerStepPointer make_top_p(const SamplingParams& params);
SamplerStepPointer make_min_p(const SamplingParams& params);
SamplerStepPointer make_xtc(const SamplingParams& params);
SamplerStepPointer make_infill(const SamplingParams& params);
SamplerStepPointer make_temperature(const SamplingParams& params);
SamplerStepPointer make_dynamic_temperature(const SamplingParams& params);
SamplerStepPointer make_adaptive_p(const SamplingParams& params);
SamplerStepPointer make_mirostat(const SamplingParams& params);
SamplerStepPointer make_mirostat_2(const SamplingParams& params);

}  // namespace linnet
