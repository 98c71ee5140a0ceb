#include "generate/rerank/reranker.hpp"
#include "serve/answers/formats.hpp"

namespace linnet::serve {
namespace {

class RerankFormat final : public WholeFormat {
 public:
  RerankFormat(AnswerHead head, const Reranker& reranker, RerankRequest request,
               std::vector<std::shared_ptr<const PooledStates>> pooled)
      : head_(std::move(head)),
        reranker_(reranker),
        request_(std::move(request)),
        pooled_(std::move(pooled)),
        scores_(pooled_.size()) {}

  // At once: the scores of all documents together would keep other connections waiting.
  std::string close(std::size_t place, const Ending& ending) override {
    if (ending.reason != FinishReason::kCancelled) {
      scores_[place] = reranker_.score(*pooled_[place]);
    }
    return {};
  }

  Json whole(const Usage& usage) override {
    std::vector<std::size_t> places = best_first(scores_);
    places.resize(request_.top_n);
    Json results = Json::array();
    for (const std::size_t place : places) results.push_back(result(place, scores_[place]));
    if (request_.is_tei) return results;
    Json answer = {{"id", head_.id},
                   {"object", "list"},
                   {"model", head_.model},
                   {"results", std::move(results)},
                   {"usage", usage_json(usage)},
                   {"timings", timings_json(usage)}};
    add_warnings(answer);
    return answer;
  }

 private:
  Json result(std::size_t place, double score) {
    Json result = {{"index", place}, {request_.is_tei ? "score" : "relevance_score", score}};
    if (!request_.returns_documents) return result;
    Json text = std::move(request_.documents[place]);
    if (request_.is_tei) {
      result["text"] = std::move(text);
    } else {
      result["document"] = {{"text", std::move(text)}};
    }
    return result;
  }

  const AnswerHead head_;
  const Reranker& reranker_;
  RerankRequest request_;
  const std::vector<std::shared_ptr<const PooledStates>> pooled_;
  std::vector<double> scores_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_rerank_format(
    AnswerHead head, const Reranker& reranker, RerankRequest request,
    std::vector<std::shared_ptr<const PooledStates>> pooled) {
  return std::make_unique<RerankFormat>(std::move(head), reranker, std::move(request),
                                        std::move(pooled));
}

}  // namespace linnet::serve
