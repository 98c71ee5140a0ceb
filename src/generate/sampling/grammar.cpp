#include "generate/sampling/sampler_step.hpp"

namespace linnet {
namespace {

class Grammar : public SamplerStep {
 public:
  explicit Grammar(grammar::GrammarSession session) : session_(std::move(session)) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    session_.apply(candidates.logits());
  }
  void state_needs(LogitNeeds& needs, const DrawContext&) override {
    needs.allowed = session_.allowed().words();
    needs.depends_on_text = true;
  }
  void accept(TokenId token, double) override {
    // It was allowed, or it would not have been drawn.
    [[maybe_unused]] const Status status = session_.accept(token);
  }
  bool is_complete() const override { return session_.complete(); }

 private:
  grammar::GrammarSession session_;
};

}  // namespace

SamplerStepPointer make_grammar(const SamplingParams& params) {
  if (!params.grammar) return nullptr;
  return std::make_unique<Grammar>(*params.grammar);
}

}  // namespace linnet
