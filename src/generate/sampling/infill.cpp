#include <algorithm>
#include <limits>

#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

// More are too unlikely to count.
constexpr std::int64_t kMostCandidates = 256;
constexpr double kLeastProbability = 0.2;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A candidate of a gap, with the probability of those that go on as it begins.
struct Choice {
  Candidate candidate;
  double probability = 0.0;
  bool is_end = false;
  std::string bytes;  // of text
};

// For texts that fill a gap in code: ends them where the model is not sure that they go on, and
// draws only tokens of which it is fairly sure. llama.cpp's sampler of this name, which plugins of
// editors ask for (https://github.com/ggml-org/llama.cpp/pull/9896).
class Infill : public SamplerStep {
 public:
  explicit Infill(const SamplingParams& params)
      : bytes_of_(params.infill->bytes_of), end_tokens_(params.end_tokens) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    std::vector<Choice> choices = choices_of(candidates);
    if (ends(choices)) {
      std::erase_if(choices, [](const Choice& choice) { return !choice.is_end; });
    } else {
      join(choices);
      keep_likely(choices, kLeastProbability);
      normalise(choices);
      keep_likely(choices, 1.0 / static_cast<double>(count_texts(choices) + 1));
    }
    std::vector<Candidate> kept;
    for (const Choice& choice : choices) kept.push_back(choice.candidate);
    if (kept.empty()) kept = the_end(candidates);
    if (kept.empty()) return candidates.keep_top(1);
    candidates.keep(std::move(kept));
  }

 private:
  bool is_end(TokenId token) const {
    return std::ranges::find(end_tokens_, token) != end_tokens_.end();
  }

  std::vector<Choice> choices_of(const Candidates& candidates) const {
    const Candidates::Softmax distribution = candidates.softmax();
    std::vector<Choice> choices;
    for (const Candidate& candidate : candidates.top(kMostCandidates)) {
      Choice& choice = choices.emplace_back(Choice{candidate, 0.0, is_end(candidate.id), {}});
      choice.probability = distribution.weight(candidate.logit) / distribution.sum;
      if (!choice.is_end) choice.bytes = bytes_of_(candidate.id);
    }
    return choices;
  }

  // An end need be far less likely than the texts, since it is one token and they are many.
  static bool ends(const std::vector<Choice>& choices) {
    double end = 0.0, text = 0.0;
    for (const Choice& choice : choices) (choice.is_end ? end : text) += choice.probability;
    return 3.0 * end * static_cast<double>(choices.size()) > text;
  }

  // Gives the likelier of two tokens of which one begins with the other the probability of both.
  static void join(std::vector<Choice>& choices) {
    for (Choice& shorter : choices) {
      for (Choice& longer : choices) {
        if (shorter.probability == 0.0) break;
        const bool begins = !shorter.bytes.empty() && longer.bytes.starts_with(shorter.bytes);
        if (&shorter == &longer || longer.probability == 0.0 || !begins) continue;
        const bool is_longer_likelier = longer.probability > shorter.probability;
        Choice& to = is_longer_likelier ? longer : shorter;
        Choice& from = is_longer_likelier ? shorter : longer;
        to.probability += from.probability;
        from.probability = 0.0;
      }
    }
  }

  static void keep_likely(std::vector<Choice>& choices, double least) {
    std::erase_if(choices, [&](const Choice& of) { return !of.is_end && of.probability < least; });
    if (count_texts(choices) == 0) choices.clear();
  }

  static void normalise(std::vector<Choice>& choices) {
    double sum = 0.0;
    for (const Choice& choice : choices) sum += choice.probability;
    for (Choice& choice : choices) choice.probability /= sum;
  }

  static std::int64_t count_texts(const std::vector<Choice>& choices) {
    return std::ranges::count(choices, false, &Choice::is_end);
  }

  // Of a text of which the model is not sure how it goes on. None where the text may not end.
  std::vector<Candidate> the_end(Candidates& candidates) const {
    const std::span<const float> logits = candidates.logits();
    std::vector<Candidate> ends;
    for (const TokenId token : end_tokens_) {
      const bool is_known = token >= 0 && static_cast<std::size_t>(token) < logits.size();
      const float logit = is_known ? logits[token] : -kInfinity;
      if (logit > -kInfinity) ends.push_back({token, logit});
    }
    if (!ends.empty()) std::swap(ends.front(), *std::ranges::min_element(ends, likelier));
    if (!ends.empty()) ends.resize(1);
    return ends;
  }

  std::function<std::string(TokenId)> bytes_of_;
  std::vector<TokenId> end_tokens_;
};

}  // namespace

SamplerStepPointer make_infill(const SamplingParams& params) {
  if (!params.infill) return nullptr;
  return std::make_unique<Infill>(params);
}

}  // namespace linnet
