#include "generate/embedding.hpp"

#include <cmath>

namespace linnet {

std::vector<float> embedding(const PooledStates& pooled, std::int64_t dimensions) {
  std::vector<double> values = pooled.values();
  if (dimensions > 0 && dimensions < std::ssize(values)) {
    values.resize(static_cast<std::size_t>(dimensions));
  }
  double squares = 0.0;
  for (const double value : values) squares += value * value;
  const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
  std::vector<float> vector;
  vector.reserve(values.size());
  for (const double value : values) vector.push_back(static_cast<float>(value * scale));
  return vector;
}

Result<std::vector<std::vector<float>>> embed_texts(Engine& engine,
                                                    std::span<const std::vector<TokenId>> texts,
                                                    Pooling pooling) {
  const auto pooled = pool_texts(engine, texts, pooling, "text");
  if (!pooled) return pooled.error();
  std::vector<std::vector<float>> vectors;
  for (const PooledStates& states : *pooled) vectors.push_back(embedding(states));
  return vectors;
}

}  // namespace linnet
