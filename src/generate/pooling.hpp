#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "gguf/gguf_file.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

class Engine;
struct GenerateRequest;

/// How the hidden states of a text's tokens become one vector.
enum class Pooling { kMean, kFirst, kLast };

std::string_view pooling_name(Pooling pooling);

/// What `ARCHITECTURE.pooling_type` in the metadata says; the mean if it says nothing. Errors: a
/// wrong type, a number that is not known, a model whose results are not one vector for each text.
Result<Pooling> model_pooling(const gguf::File& file);

/// The hidden states of one text, pooled chunk by chunk. Belongs to one thread at a time.
class PooledStates {
 public:
  explicit PooledStates(Pooling pooling) : pooling_(pooling) {}

  /// The hidden states of tokens from `position` on, [tokens, width] without gaps. A chunk that
  /// begins at 0 begins anew.
  void add(std::int64_t position, std::span<const float> states, std::int64_t width);

  Pooling pooling() const { return pooling_; }
  /// [width]; empty before there were any states.
  std::vector<double> values() const;

 private:
  Pooling pooling_;
  std::int64_t count_ = 0;  // states in the sum
  std::vector<double> sum_;
};

/// Has `request` add the hidden states of its prompt to `pooled`; `width` is that of the model.
void fill_pooled(std::shared_ptr<PooledStates> pooled, std::int64_t width,
                 GenerateRequest& request);

/// An Error that says which of `texts` has more tokens than `context`. `kind` is what a text is
/// called in errors.
Status check_fit(std::span<const std::vector<TokenId>> texts, std::int64_t context,
                 std::string_view kind);

/// The pooled hidden states of `texts`, which are computed side by side as far as the engine's
/// cache holds them. An Error, which names the text, if one is empty or longer than the cache,
/// has a token that is not in the vocabulary, or has hidden states that are not finite; then none
/// of them is left in the engine.
Result<std::vector<PooledStates>> pool_texts(Engine& engine,
                                             std::span<const std::vector<TokenId>> texts,
                                             Pooling pooling, std::string_view kind);

}  // namespace linnet
