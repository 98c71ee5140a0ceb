#pragma once

#include <cstdint>

#include "generate/speculation/drafter.hpp"

namespace linnet {

/// How many tokens of a sequence are worth guessing where guesses cost next to nothing: more while
/// all guesses are right, fewer when some are wrong; none forever longer pauses while all are
/// wrong, so that a text that cannot be guessed goes on as fast as without guesses.
class DraftLength {
 public:
  /// For the next step; 0 in a pause, of which the step is then a part.
  std::int64_t next();
  /// `accepted` of `guessed` (at least 1) were right.
  void report(std::int64_t guessed, std::int64_t accepted);

 private:
  static constexpr std::int64_t kFirst = 4;
  static constexpr std::int64_t kLongestPause = 32;

  std::int64_t length_ = kFirst;
  std::int64_t pause_ = 0;       // steps that are left of it
  std::int64_t next_pause_ = 1;  // if all are wrong once more
};

}  // namespace linnet
