#include "generate/speculation/draft_length.hpp"

#include <algorithm>

namespace linnet {

std::int64_t DraftLength::next() {
  if (pause_ == 0) return length_;
  --pause_;
  return 0;
}

void DraftLength::report(std::int64_t guessed, std::int64_t accepted) {
  if (accepted == 0) {
    length_ = 1;
    pause_ = next_pause_;
    next_pause_ = std::min(2 * next_pause_, kLongestPause);
    return;
  }
  next_pause_ = 1;
  // A guess may be shorter than was asked for; that alone makes it no shorter next time.
  length_ =
      accepted == guessed ? std::min(std::max(length_, 2 * guessed), kMostGuesses) : accepted + 1;
}

}  // namespace linnet
