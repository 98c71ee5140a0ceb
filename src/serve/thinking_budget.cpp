#include "serve/thinking_budget.hpp"

#include <utility>

namespace linnet::serve {

Result<std::optional<ThinkingBudget>> thinking_budget(const Tokenizer& tokenizer,
                                                      const Prompt& prompt, std::int64_t tokens) {
  const ReasoningMarks& reasoning = prompt.output_format.written_reasoning();
  ThinkingBudget budget;
  budget.tokens = tokens;
  budget.starts_inside = prompt.ends_in_reasoning;
  budget.begin = reasoning.begin;
  budget.end = reasoning.end;
  if (budget.begin.empty() || budget.end.empty()) return std::optional<ThinkingBudget>();
  auto end = tokenizer.encode(budget.end, {.add_special = false, .parse_special = true});
  if (!end) return end.error();
  budget.end_tokens = std::move(*end);
  budget.bytes_of = [&tokenizer](TokenId token) {
    return tokenizer.token_bytes(token, /*show_special=*/true);
  };
  return std::optional(std::move(budget));
}

}  // namespace linnet::serve
