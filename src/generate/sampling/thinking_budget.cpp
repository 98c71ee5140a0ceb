#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

#include "generate/sampling/sampler_step.hpp"
#include "generate/text_output.hpp"

namespace linnet {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr std::string_view kSpaces = " \t\r\n";
// Above the budget, for the beginning of a call, which may turn out to be none.
constexpr std::int64_t kTokensToBeginACall = 32;

// If the budget is used up, the tokens of the mark that ends the thinking are all that is left
// to draw. The marks are looked for in the text, because they may be written in other tokens, too.
class Budget : public SamplerStep {
 public:
  explicit Budget(const ThinkingBudget& budget)
      : budget_(budget), is_inside_(budget.starts_inside), call_(budget.calls) {}

  void apply(Candidates& candidates, const DrawContext&) override {
    if (!is_forcing()) return;
    const auto logits = candidates.logits();
    const auto wanted = static_cast<std::size_t>(budget_.end_tokens[forced_]);
    // What a grammar does not allow, in the middle of a character perhaps, waits.
    if (wanted >= logits.size() || !(logits[wanted] > kNever)) return;
    const float logit = logits[wanted];
    std::ranges::fill(logits, kNever);
    logits[wanted] = logit;
  }
  void state_needs(LogitNeeds& needs, const DrawContext&) override {
    needs.depends_on_text = true;
    needs.all |= is_forcing();
  }
  void accept(TokenId token, double) override {
    if (is_inside_) ++thought_;
    forced_ = is_forcing() && token == budget_.end_tokens[forced_] ? forced_ + 1 : 0;
    const std::string& mark = is_inside_ ? budget_.end : budget_.begin;
    const std::string bytes = budget_.bytes_of(token);
    tail_ += bytes;
    if (is_inside_) read_call(bytes);
    if (call_.stopped() || tail_.find(mark) != std::string::npos ||
        forced_ == budget_.end_tokens.size()) {
      is_inside_ = !is_inside_;
      tail_.clear();
      call_ = StopStrings(budget_.calls);
      thought_ = 0;
      forced_ = 0;
    } else if (tail_.size() >= mark.size()) {
      tail_.erase(0, tail_.size() - mark.size() + 1);
    }
  }

 private:
  bool is_forcing() const {
    const std::int64_t more = call_.is_holding() && forced_ == 0 ? kTokensToBeginACall : 0;
    return is_inside_ && thought_ >= budget_.tokens + more;
  }
  void read_call(const std::string& bytes) {
    std::string text;
    std::ranges::remove_copy_if(bytes, std::back_inserter(text),
                                [](char c) { return kSpaces.find(c) != kSpaces.npos; });
    call_.push(text);
  }

  const ThinkingBudget budget_;
  bool is_inside_;
  std::int64_t thought_ = 0;  // tokens
  std::size_t forced_ = 0;    // tokens of the mark that were drawn
  std::string tail_;          // of the text, in which a mark may begin
  StopStrings call_;          // what begins one, in the thinking
};

}  // namespace

SamplerStepPointer make_thinking_budget(const SamplingParams& params) {
  if (!params.thinking) return nullptr;
  return std::make_unique<Budget>(*params.thinking);
}

}  // namespace linnet
