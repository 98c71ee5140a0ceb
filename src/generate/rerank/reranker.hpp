#pragma once

#include <span>
#include <string>
#include <vector>

#include "generate/rerank/classification_head.hpp"
#include "generate/rerank/pair_prompt.hpp"

namespace linnet {

/// What a model says of how relevant documents are to a query, but for its hidden states.
/// Immutable; safe to use from several threads.
class Reranker {
 public:
  /// `file` must outlive this. Errors: no tokenizer, and those of ClassificationHead and
  /// PairPrompt.
  static Result<Reranker> read(const ModelFile& file);

  const PairPrompt& prompt() const { return prompt_; }
  Pooling pooling() const { return head_.pooling(); }
  /// How relevant a document is, of the hidden states of its prompt; see ClassificationHead.
  double score(const PooledStates& pooled) const { return head_.score(pooled.values()); }

 private:
  Reranker(ClassificationHead head, PairPrompt prompt)
      : head_(std::move(head)), prompt_(std::move(prompt)) {}

  ClassificationHead head_;
  PairPrompt prompt_;
};

/// The scores of `prompts`, one of each document; see pool_texts().
Result<std::vector<double>> score_documents(Engine& engine, const Reranker& reranker,
                                            std::span<const std::vector<TokenId>> prompts);

/// The places of `scores` with the highest first; of equal ones the earlier.
std::vector<std::size_t> best_first(std::span<const double> scores);

}  // namespace linnet
