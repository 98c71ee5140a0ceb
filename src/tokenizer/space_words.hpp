#pragma once

#include <string_view>

#include "tokenizer/vocabulary.hpp"

namespace linnet {

/// Cuts text with escaped spaces before spaces, at places that no merge can cross: so the words can
/// be encoded one by one, with the same result as the whole.
class SpaceWords {
 public:
  explicit SpaceWords(const Vocabulary& vocabulary);

  /// Calls `visit` with each word of `text` in order.
  template <class Visit>
  void for_each(std::string_view text, Visit visit) const {
    std::size_t begin = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (!is_boundary(text, i)) continue;
      visit(text.substr(begin, i - begin));
      begin = i;
    }
    if (begin < text.size()) visit(text.substr(begin));
  }

 private:
  bool is_boundary(std::string_view text, std::size_t i) const;

  // The last bytes of characters that stand before a space mark inside some piece. (The last byte
  // says less than the character: some cuts are missed, none is wrong.)
  bool joins_[256] = {};
};

}  // namespace linnet
