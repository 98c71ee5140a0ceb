#include <bit>
#include <cstring>

#include "base/base64.hpp"
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
  EmbeddingFormat(AnswerHead head, PooledTexts texts, bool is_base64)
      : head_(std::move(head)), texts_(std::move(texts)), is_base64_(is_base64) {}

  Json whole(const Usage& usage) override {
    Json data = Json::array();
    for (std::size_t i = 0; i < texts_.pooled.size(); ++i) {
      const std::vector<float> vector = texts_.vector(i);
      data.push_back({{"object", "embedding"},
                      {"index", i},
                      {"embedding", is_base64_ ? Json(packed(vector)) : Json(vector)}});
    }
    Json answer = {{"object", "list"},
                   {"data", std::move(data)},
                   {"model", head_.model},
                   {"usage", usage_json(usage)},
                   {"timings", timings_json(usage)}};
    add_warnings(answer);
    return answer;
  }

 private:
  const AnswerHead head_;
  const PooledTexts texts_;
  const bool is_base64_;
};

// Where a model may give a vector for each token, each text has a list of them.
class LlamaEmbeddingFormat final : public WholeFormat {
 public:
  explicit LlamaEmbeddingFormat(PooledTexts texts) : texts_(std::move(texts)) {}

  Json whole(const Usage&) override {
    Json all = Json::array();
    for (std::size_t i = 0; i < texts_.pooled.size(); ++i) {
      all.push_back({{"index", i}, {"embedding", Json::array({texts_.vector(i)})}});
    }
    return all;
  }

 private:
  const PooledTexts texts_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_embedding_format(AnswerHead head, PooledTexts texts,
                                                    bool is_base64) {
  return std::make_unique<EmbeddingFormat>(std::move(head), std::move(texts), is_base64);
}

std::unique_ptr<AnswerFormat> make_llama_embedding_format(PooledTexts texts) {
  return std::make_unique<LlamaEmbeddingFormat>(std::move(texts));
}

}  // namespace linnet::serve
