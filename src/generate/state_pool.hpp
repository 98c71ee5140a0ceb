#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

namespace linnet {

/// Who holds which slot of the recurrent state. A slot belongs to a running sequence, or is a
/// checkpoint: the state after a prefix, known by the prefix's hash (PagePool), from which another
/// sequence may go on. Checkpoints are given away again, the longest unused first.
class StatePool {
 public:
  explicit StatePool(std::int64_t slots);

  /// A slot for a running sequence, or nothing if all are running. `keep` is a checkpoint that the
  /// sequence will copy: it makes room last, and is then the slot itself.
  std::optional<std::int32_t> take(std::optional<std::int32_t> keep = std::nullopt);
  /// A running sequence has ended.
  void release(std::int32_t slot);

  /// The checkpoint of a prefix, from now on the most recently used.
  std::optional<std::int32_t> find(std::uint64_t hash);
  /// A slot to copy the state after a prefix to; nothing if it is known or all slots are running.
  std::optional<std::int32_t> remember(std::uint64_t hash);
  /// Gives the checkpoint of a prefix away, if there is one.
  void forget(std::uint64_t hash);

 private:
  struct Checkpoint {
    std::int32_t slot;
    std::list<std::uint64_t>::iterator age;
  };

  std::vector<std::int32_t> free_;
  std::list<std::uint64_t> by_age_;  // of checkpoints, the longest unused first
  std::unordered_map<std::uint64_t, Checkpoint> checkpoints_;
};

}  // namespace linnet
