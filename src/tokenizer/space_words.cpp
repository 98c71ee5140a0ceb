#include "tokenizer/space_words.hpp"

#include "tokenizer/unicode.hpp"

namespace linnet {

SpaceWords::SpaceWords(const Vocabulary& vocabulary) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    // Only these can come out of a merge.
    if (vocabulary.is_control(id) || vocabulary.type(id) == PieceType::kUserDefined) continue;
    const std::string_view piece = vocabulary.piece(id);
    for (auto i = piece.find(kSpaceMark, 1); i < piece.size(); i = piece.find(kSpaceMark, i + 1)) {
      if (!piece.substr(0, i).ends_with(kSpaceMark)) {
        joins_[static_cast<unsigned char>(piece[i - 1])] = true;
      }
    }
  }
}

bool SpaceWords::is_boundary(std::string_view text, std::size_t i) const {
  return text[i] == kSpaceMark[0] && text.substr(i).starts_with(kSpaceMark) &&
         !text.substr(0, i).ends_with(kSpaceMark) &&
         !joins_[static_cast<unsigned char>(text[i - 1])];
}

}  // namespace linnet
