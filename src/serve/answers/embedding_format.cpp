#include <bit>
#include <cstring>

#include "base/base64.hpp"
#include "generate/embedding.hpp"
#include "serve/answers/formats.hpp"

namespace linnet::serve {
namespace {

// The numbers as little-endian float32.
std::string packed(const std::vector<float>& numbers) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(numbers.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return encode_base64(bytes);
}

class EmbeddingFormat final : public WholeFormat {
 public:
  EmbeddingFormat(AnswerHead head, std::vector<std::shared_ptr<const PooledStates>> pooled,
                  bool is_base64)
      : head_(std::move(head)), pooled_(std::move(pooled)), is_base64_(is_base64) {}

  Json whole(const Usage& usage) override {
    Json data = Json::array();
    for (std::size_t i = 0; i < pooled_.size(); ++i) {
      const std::vector<float> vector = embedding(*pooled_[i]);
      data.push_back({{"object", "embedding"},
                      {"index", i},
                      {"embedding", is_base64_ ? Json(packed(vector)) : Json(vector)}});
    }
    return {{"object", "list"},
            {"data", std::move(data)},
            {"model", head_.model},
            {"usage", usage_json(usage)},
            {"timings", timings_json(usage)}};
  }

 private:
  const AnswerHead head_;
  const std::vector<std::shared_ptr<const PooledStates>> pooled_;
  const bool is_base64_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_embedding_format(
    AnswerHead head, std::vector<std::shared_ptr<const PooledStates>> pooled, bool is_base64) {
  return std::make_unique<EmbeddingFormat>(std::move(head), std::move(pooled), is_base64);
}

}  // namespace linnet::serve
