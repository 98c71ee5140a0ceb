#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/keyed_hash.hpp"
#include "base/splitmix64.hpp"

namespace linnet {

/// A hash table from 64-bit keys to 64-bit values, open addressing in one array: a lookup touches
/// one or two cache lines. Keys can't be removed, and the key 2^64-1 can't be used.
class FlatMap {
 public:
  static constexpr std::uint64_t kAbsent = ~std::uint64_t{0};

  explicit FlatMap(std::size_t expected_keys = 0) {
    std::size_t capacity = 16;
    while (capacity < expected_keys * 2) capacity *= 2;
    slots_.assign(capacity, {});
  }

  /// The value of `key`, or kAbsent.
  std::uint64_t find(std::uint64_t key) const {
    const Slot& slot = slots_[place(key)];
    return slot.key == key ? slot.value : kAbsent;
  }

  /// Keeps the value that `key` already has, if any; true if it had none.
  bool insert(std::uint64_t key, std::uint64_t value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slots_[place(key)];
    if (slot.key == key) return false;
    slot = {key, value};
    ++size_;
    return true;
  }

  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t key = kAbsent;
    std::uint64_t value = 0;
  };

  // Where `key` is or would be.
  std::size_t place(std::uint64_t key) const {
    // Under a key, so that no file is full of keys that fall into one place.
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = spread_bits(key ^ secret_) & mask;
    while (slots_[i].key != key && slots_[i].key != kAbsent) i = (i + 1) & mask;
    return i;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kAbsent) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  std::uint64_t secret_ = KeyedHash::process_key()[0];
};

}  // namespace linnet
