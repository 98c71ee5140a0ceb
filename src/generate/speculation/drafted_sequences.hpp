#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "base/token_id.hpp"
#include "generate/cache/sequence_cache.hpp"

namespace linnet {

/// What a drafter with keys and values of its own knows of a sequence, at least.
struct DraftedSequence {
  StoredSequence stored;
  bool started = false;  ///< there was memory to begin
};

/// The sequences of such a drafter, by their numbers; `Sequence` is a DraftedSequence. The cache
/// must outlive them.
template <class Sequence>
class DraftedSequences {
 public:
  explicit DraftedSequences(SequenceCache& cache) : cache_(cache) {}

  /// Known from now on, if it was not before.
  Sequence& operator[](std::uint64_t number) { return sequences_[number]; }
  /// Null if it is not known, or there was no memory to begin.
  Sequence* find_started(std::uint64_t number) {
    const auto found = sequences_.find(number);
    return found == sequences_.end() || !found->second.started ? nullptr : &found->second;
  }

  /// Begins with what the cache holds of `tokens`, but for the last of them, if that was not done
  /// before; false if there is no memory.
  bool start(std::span<const TokenId> tokens, Sequence& sequence) {
    if (sequence.started) return true;
    const auto running =
        std::ranges::count_if(sequences_, [](const auto& entry) { return entry.second.started; });
    sequence.started =
        cache_.start(tokens, empty_prefix_hash(), std::ssize(tokens) - 1, running, sequence.stored);
    return sequence.started;
  }
  /// Forgets it; the cache keeps what is stored of `tokens`.
  void end(std::uint64_t number, std::span<const TokenId> tokens) {
    if (Sequence* const sequence = find_started(number)) cache_.end(sequence->stored, tokens);
    sequences_.erase(number);
  }

 private:
  SequenceCache& cache_;
  std::unordered_map<std::uint64_t, Sequence> sequences_;
};

}  // namespace linnet
