#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.hpp"

namespace linnet {

/// A sequence whose next tokens are to be guessed.
struct DraftQuery {
  std::uint64_t sequence;                ///< the same number each time that it is asked about
  std::span<const std::int32_t> tokens;  ///< so far; later ones only come behind them
  std::int64_t most;                     ///< guesses that are of use
  std::vector<std::int32_t>* guesses;    ///< empty; gets at most `most` tokens
};

/// Guesses how texts go on, cheaply. The guesses are verified with the model that generates, so
/// that wrong ones cost time and nothing else. Belongs to one thread.
class Drafter {
 public:
  virtual ~Drafter() = default;

  /// Guesses for all sequences; none where it has no idea. An Error where it cannot go on.
  virtual Status propose(std::span<const DraftQuery> queries) = 0;
  /// A sequence has ended with these tokens.
  virtual void end(std::uint64_t sequence, std::span<const std::int32_t> tokens) = 0;
};

/// What speculation has brought so far.
struct SpeculationCounts {
  std::int64_t guessed = 0;
  std::int64_t accepted = 0;
};

}  // namespace linnet
