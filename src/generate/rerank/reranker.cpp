#include "generate/rerank/reranker.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace linnet {

Result<Reranker> Reranker::read(const ModelFile& file) {
  const auto tokenizer = file.need_tokenizer();
  if (!tokenizer) return tokenizer.error();
  auto head = ClassificationHead::read(file);
  if (!head) return head.error();
  auto prompt = PairPrompt::read(file.file(), **tokenizer);
  if (!prompt) return prompt.error();
  return Reranker(std::move(*head), std::move(*prompt));
}

Result<std::vector<double>> score_documents(Engine& engine, const Reranker& reranker,
                                            std::span<const std::vector<TokenId>> prompts) {
  const auto pooled = pool_texts(engine, prompts, reranker.pooling(), "document");
  if (!pooled) return pooled.error();
  std::vector<double> scores;
  for (const PooledStates& states : *pooled) scores.push_back(reranker.score(states));
  return scores;
}

std::vector<std::size_t> best_first(std::span<const double> scores) {
  std::vector<std::size_t> places(scores.size());
  std::iota(places.begin(), places.end(), 0);
  std::ranges::stable_sort(places, std::greater(), [&](std::size_t i) { return scores[i]; });
  return places;
}

}  // namespace linnet
