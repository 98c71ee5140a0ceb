#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "generate/cache/sequence_cache.hpp"

namespace linnet {

class PromptMedia;

/// Most guesses (draft tokens) for a sequence in a step.
inline constexpr std::int64_t kMostGuesses = 16;

/// A sequence whose next tokens are to be guessed.
struct DraftQuery {
  std::uint64_t sequence;  ///< the same number each time that it is asked about
  /// All so far; later ones only come after them. Rows of pictures and sounds have ids after the
  /// vocabulary.
  std::span<const TokenId> tokens;
  std::int64_t most;                       ///< guesses that are of use
  std::vector<TokenId>* guesses;           ///< empty; gets at most `most` tokens
  const StoredSequence* stored = nullptr;  ///< what the model keeps of it
  const PromptMedia* media = nullptr;      ///< its pictures and sounds; null: it has none
  /// For the model's adapters: see Batch::adapter_strengths.
  std::span<const float> adapter_strengths = {};
};

/// Rows of a sequence that the model has evaluated.
struct EvaluatedRows {
  std::uint64_t sequence;
  std::span<const TokenId> tokens;  ///< see DraftQuery; rows after these are of guesses
  std::int64_t position;            ///< of the first row
  std::int64_t first_row;           ///< of the model's latest pass
  std::int64_t rows;
  const PromptMedia* media = nullptr;  ///< see DraftQuery
};

/// Guesses how texts go on, cheaply. The guesses are verified with the model that generates, so
/// that wrong ones cost time and nothing else. Belongs to one thread.
class Drafter {
 public:
  virtual ~Drafter() = default;

  /// Guesses for all sequences; none if it cannot guess. An Error if it cannot go on.
  virtual Status propose(std::span<const DraftQuery> queries) = 0;
  /// Of a sequence's guesses by the latest propose(), `guessed` (at least 1) were tried and
  /// `accepted` were right.
  virtual void report(std::uint64_t /*sequence*/, std::int64_t /*guessed*/,
                      std::int64_t /*accepted*/) {}
  /// Whether observe() is to be told of all rows, before tokens are drawn from them.
  virtual bool reads_hidden() const { return false; }
  virtual void observe(const EvaluatedRows& /*rows*/) {}
  /// A sequence is about to end with these tokens: what waits of it may be read.
  virtual void read_rest(std::uint64_t /*sequence*/, std::span<const TokenId> /*tokens*/) {}
  /// A sequence has ended with these tokens.
  virtual void end(std::uint64_t sequence, std::span<const TokenId> tokens) = 0;
};

/// What speculation has brought so far.
struct SpeculationCounts {
  std::int64_t guessed = 0;
  std::int64_t accepted = 0;
};

}  // namespace linnet
