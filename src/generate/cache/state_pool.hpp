#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generate/cache/prefix_hash.hpp"

namespace linnet {

/// Who holds which slot of the recurrent state. A slot belongs to a running sequence, or is a
/// checkpoint: the state after the first tokens of some sequence, known by their number and hash
/// (prefix_hash.hpp), from which another sequence may go on. Checkpoints are reused, the longest
/// unused first. Only find() and find_longest() allocate memory.
class StatePool {
 public:
  struct Checkpoint {
    std::int32_t slot = 0;
    std::int64_t tokens = 0;
    std::uint64_t hash = 0;  ///< of these tokens
  };

  explicit StatePool(std::int64_t slots);

  /// A slot for a running sequence, or nothing if all are running. `keep` is a checkpoint that the
  /// sequence will copy: it makes room last, and is then the slot itself.
  std::optional<std::int32_t> take(std::optional<std::int32_t> keep = std::nullopt) noexcept;
  /// A running sequence needs its slot no more.
  void release(std::int32_t slot) noexcept;
  /// The same, but the slot becomes the checkpoint of what it holds the state of.
  void release_as_checkpoint(const Checkpoint& checkpoint) noexcept;

  /// The checkpoints of beginnings of `tokens` after `root`, an empty_prefix_hash(); the shortest
  /// first.
  std::vector<Checkpoint> find(std::span<const TokenId> tokens,
                               std::uint64_t root = empty_prefix_hash()) const;
  /// The longest of them, from now on the most recently used.
  std::optional<Checkpoint> find_longest(std::span<const TokenId> tokens,
                                         std::uint64_t root = empty_prefix_hash());
  /// A slot to copy the state after a prefix to; nothing if it is known or all slots are running.
  std::optional<std::int32_t> remember(std::int64_t tokens, std::uint64_t hash) noexcept;
  /// Gives the checkpoint of a prefix away, if there is one.
  void forget(std::uint64_t hash) noexcept;

 private:
  using Iterator = std::vector<Checkpoint>::iterator;

  Iterator find_hash(std::uint64_t hash) noexcept;
  void use(Iterator checkpoint) noexcept;
  void give_away(Iterator checkpoint) noexcept;

  // Both have room for all slots.
  std::vector<std::int32_t> free_;
  std::vector<Checkpoint> checkpoints_;  // few; the longest unused first
};

}  // namespace linnet
