#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Finds tokens by their pieces: a hash table of ids, open addressing. The pieces stay where they
/// are and are handed in at each call.
class PieceIndex {
 public:
  PieceIndex() = default;
  /// The first of equal pieces is found.
  explicit PieceIndex(const std::vector<std::string>& pieces)
      : slots_(std::bit_ceil(pieces.size() * 2 + 1)) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      Slot& slot = slots_[place(pieces, pieces[i], hash_of(pieces[i]))];
      if (slot.token < 0) slot = {hash_of(pieces[i]), static_cast<TokenId>(i)};
    }
  }

  std::optional<TokenId> find(const std::vector<std::string>& pieces,
                              std::string_view piece) const {
    if (slots_.empty()) return std::nullopt;
    const TokenId token = slots_[place(pieces, piece, hash_of(piece))].token;
    return token < 0 ? std::nullopt : std::optional(token);
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    TokenId token = -1;
  };

  static std::uint32_t hash_of(std::string_view piece) {
    return static_cast<std::uint32_t>(KeyedHash()(piece));
  }

  std::size_t place(const std::vector<std::string>& pieces, std::string_view piece,
                    std::uint32_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = hash & mask;
    while (slots_[i].token >= 0 &&
           (slots_[i].hash != hash || pieces[static_cast<std::size_t>(slots_[i].token)] != piece)) {
      i = (i + 1) & mask;
    }
    return i;
  }

  std::vector<Slot> slots_;
};

}  // namespace linnet
