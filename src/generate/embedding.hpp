#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

class Engine;

/// How the hidden states of a text's tokens become one vector.
enum class Pooling { kMean, kFirst, kLast };

std::string_view pooling_name(Pooling pooling);

/// What `ARCHITECTURE.pooling_type` in the metadata says; the mean where it says nothing. Errors: a
/// wrong type, a number that is not known, a model whose results are not one vector for each text.
Result<Pooling> model_pooling(const gguf::File& file);

/// The vector of one text, made from its hidden states chunk by chunk. Belongs to one thread at a
/// time.
class Embedding {
 public:
  explicit Embedding(Pooling pooling) : pooling_(pooling) {}

  /// The hidden states of tokens from `position` on, [tokens, width] without gaps. A chunk that
  /// begins at 0 begins anew.
  void add(std::int64_t position, std::span<const float> states, std::int64_t width);

  /// The vector, of length 1 (or all zeros).
  std::vector<float> vector() const;

 private:
  Pooling pooling_;
  std::vector<double> sum_;
};

/// The vectors of `texts`, which are computed side by side as far as the engine's cache holds them.
/// An Error where a text is empty or longer than the cache, names a token that is not there, or
/// makes the model give what is no number.
Result<std::vector<std::vector<float>>> embed_texts(Engine& engine,
                                                    std::span<const std::vector<TokenId>> texts,
                                                    Pooling pooling);

}  // namespace linnet
