#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generate/engine.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// The mean of some numbers, and how far it may be from that of more numbers of their kind.
class Mean {
 public:
  void add(double number);

  std::int64_t count() const { return count_; }
  double value() const { return count_ > 0 ? sum_ / static_cast<double>(count_) : 0.0; }
  /// The standard error of value(); nothing for fewer than two numbers, which tell no spread.
  std::optional<double> error() const;

 private:
  std::int64_t count_ = 0;
  double sum_ = 0.0, squares_ = 0.0;
};

/// How well a model predicts a text.
struct TextScore {
  Mean surprise;           ///< -log of the probability of each token, in nats
  std::int64_t bytes = 0;  ///< of the tokens that count
  double perplexity() const;
  std::optional<double> perplexity_error() const;  ///< as Mean::error()
  /// What a coder that follows the model needs for each byte of text: unlike the perplexity, to be
  /// compared between vocabularies.
  double bits_a_byte() const;
};

/// How far a model's distributions of the next token are from those of a reference.
struct ModelDistance {
  TextScore reference;
  Mean divergence;      ///< Kullback-Leibler divergence of the model from the reference, in nats
  Mean same_choice;     ///< 1 if both find the same token the likeliest, else 0
  Mean added_surprise;  ///< of the model over the reference, in nats
};

/// A text is cut into windows of equal length, each evaluated for itself. The first half of a
/// window is context only, the tokens of the second half but its first one count; what is left at
/// the end does not. A text shorter than a window is one window. This is how llama.cpp's
/// `llama-perplexity` counts, so that the figures can be compared.
struct ScoreOptions {
  std::int64_t window = 512;  ///< tokens; at least kShortestWindow
  /// Called with the windows that are done and all of them.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
  /// What errors call the model and the one that it is compared with, such as their files.
  std::string model = "the model", reference = "the reference";
};

inline constexpr std::int64_t kShortestWindow = 3;

/// The windows of `tokens`. If the text begins with `bos`, the first token of every window is
/// replaced by it.
std::vector<std::vector<TokenId>> cut_windows(std::span<const TokenId> tokens, std::int64_t window,
                                              std::optional<TokenId> bos);

/// Scores `tokens`, a text that `tokenizer` has encoded. The engine's cache holds a window. An
/// Error if the text is too short, the logits are NaN, or the engine fails.
Result<TextScore> score_text(Engine& engine, const Tokenizer& tokenizer,
                             std::span<const TokenId> tokens, const ScoreOptions& options);

struct ScoredModel {
  TextScore score;
  ModelDistance distance;
};

/// Scores `tokens` by two models of one vocabulary, and compares them. Keeps the logits of half a
/// window of the reference: an Error if that is more than the memory which is free.
Result<ScoredModel> compare_models(Engine& engine, Engine& reference, const Tokenizer& tokenizer,
                                   std::span<const TokenId> tokens, const ScoreOptions& options);

}  // namespace linnet
