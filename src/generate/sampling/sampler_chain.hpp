#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/token_id.hpp"
#include "generate/sampling/sampler_step.hpp"

namespace linnet {

/// Draws the tokens of one sequence. What is drawn depends on the parameters, the logits and the
/// sequence's own tokens only, so the same seed gives the same text whatever else runs.
/// Belongs to one thread.
class SamplerChain {
 public:
  explicit SamplerChain(const SamplingParams& params);

  /// The next token; nothing if none may be drawn (a complete text under a grammar, everything
  /// banned). Changes the logits, of which there is at least one.
  std::optional<TokenId> draw(const LogitRow& row, const DrawContext& context);
  std::optional<TokenId> draw(std::span<float> logits, const DrawContext& context) {
    return draw(LogitRow{logits}, context);
  }

  /// Where draw() gave nothing: true if the text is complete under its grammar, so that it may end.
  bool is_complete() const;

  /// What draw() needs of the row with the same context: given that, it draws as from the whole
  /// row. What it refers to holds until then.
  LogitNeeds needs(const DrawContext& context);

 private:
  std::optional<TokenId> draw_from(Candidates& candidates, std::int64_t drawn);

  bool is_greedy_;
  std::uint64_t seed_;
  std::vector<SamplerStepPointer> steps_;
};

/// The names of all samplers, in the order in which they work.
std::vector<std::string_view> sampler_names();

}  // namespace linnet
