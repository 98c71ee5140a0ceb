#include "generate/sampling/sampler_chain.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "generate/sampling/is_greedy.hpp"
#include "generate/sampling/uniform.hpp"

namespace linnet {
namespace {

// When a sampler takes part.
enum class Role {
  kChanges,  // always: it changes logits
  kCuts,     // where something is drawn: not in greedy mode, and not under mirostat
  kDraws,    // where something is drawn
};

struct Entry {
  std::string_view name;
  Role role;
  SamplerStepPointer (*make)(const SamplingParams& params);
};

// The order of the chain. What is allowed comes first, then what changes single logits, then what
// cuts the distribution (as the model gives it), the temperature, and what needs it.
constexpr std::array kSamplers = {
    Entry{"grammar", Role::kChanges, make_grammar},
    Entry{"logit bias", Role::kChanges, make_logit_bias},
    Entry{"banned tokens", Role::kChanges, make_banned_tokens},
    Entry{"thinking budget", Role::kChanges, make_thinking_budget},
    Entry{"penalties", Role::kChanges, make_penalties},
    Entry{"DRY", Role::kChanges, make_dry},
    Entry{"top-n-sigma", Role::kCuts, make_top_n_sigma},
    Entry{"top-k", Role::kCuts, make_top_k},
    Entry{"typical", Role::kCuts, make_typical},
    Entry{"top-p", Role::kCuts, make_top_p},
    Entry{"min-p", Role::kCuts, make_min_p},
    Entry{"XTC", Role::kCuts, make_xtc},
    Entry{"infill", Role::kCuts, make_infill},
    Entry{"temperature", Role::kDraws, make_temperature},
    Entry{"dynamic temperature", Role::kDraws, make_dynamic_temperature},
    Entry{"adaptive-p", Role::kCuts, make_adaptive_p},
    Entry{"mirostat 1", Role::kDraws, make_mirostat},
    Entry{"mirostat 2", Role::kDraws, make_mirostat_2},
};

bool is_token(const Candidate& candidate) {
  return candidate.logit > -std::numeric_limits<float>::infinity();
}

}  // namespace

std::vector<std::string_view> sampler_names() {
  std::vector<std::string_view> names;
  names.reserve(std::size(kSamplers));
  for (const Entry& entry : kSamplers) names.push_back(entry.name);
  return names;
}

SamplerChain::SamplerChain(const SamplingParams& params)
    : is_greedy_(is_greedy(params)), seed_(params.seed) {
  for (const Entry& entry : kSamplers) {
    if (is_greedy_ && entry.role != Role::kChanges) continue;
    if (params.mirostat != 0 && entry.role == Role::kCuts) continue;
    if (auto step = entry.make(params)) steps_.push_back(std::move(step));
  }
}

bool SamplerChain::is_complete() const {
  return std::ranges::any_of(steps_, [](const auto& step) { return step->is_complete(); });
}

LogitNeeds SamplerChain::needs(const DrawContext& context) {
  LogitNeeds needs;
  for (const auto& step : steps_) {
    step->state_needs(needs, context);
    if (needs.all || needs.is_cut) break;
  }
  needs.all |= !is_greedy_ && !needs.is_cut;
  std::erase_if(needs.ids, [](TokenId id) { return id < 0; });
  std::ranges::sort(needs.ids);
  needs.ids.erase(std::unique(needs.ids.begin(), needs.ids.end()), needs.ids.end());
  return needs;
}

std::optional<TokenId> SamplerChain::draw(const LogitRow& row, const DrawContext& context) {
  Candidates candidates(row);
  // What changes logits comes first and may leave nothing.
  for (const auto& step : steps_) {
    step->apply(candidates, context);
  }
  if (!is_greedy_) return draw_from(candidates, context.drawn);
  const Candidate best = candidates.best();
  if (!is_token(best)) return std::nullopt;
  for (const auto& step : steps_) step->accept(best.id, 1.0);
  return best.id;
}

std::optional<TokenId> SamplerChain::draw_from(Candidates& candidates, std::int64_t drawn) {
  const auto chosen = candidates.draw(uniform(seed_, static_cast<std::uint64_t>(drawn)));
  if (!chosen) return std::nullopt;
  for (const auto& step : steps_) step->accept(chosen->id, chosen->probability);
  return chosen->id;
}

}  // namespace linnet
