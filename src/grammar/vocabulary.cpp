#include "grammar/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "grammar/utf8.hpp"

namespace linnet::grammar {

Result<std::shared_ptr<const Vocabulary>> Vocabulary::create(std::vector<std::string> bytes,
                                                             std::vector<TokenId> end_ids) {
  constexpr std::size_t kLongestToken = 1 << 16;
  if (bytes.empty()) return Error{"the vocabulary has no tokens"};
  if (bytes.size() > INT32_MAX) return Error{"the vocabulary has more than 2^31 tokens"};
  for (std::size_t id = 0; id < bytes.size(); ++id) {
    if (bytes[id].size() > kLongestToken) {
      return Error{fmt::format("token {} has {} bytes, and at most {} are possible", id,
                               bytes[id].size(), kLongestToken)};
    }
  }
  std::shared_ptr<Vocabulary> vocabulary(new Vocabulary);
  vocabulary->bytes_ = std::move(bytes);
  std::erase_if(end_ids, [&](TokenId id) { return id < 0 || id >= vocabulary->size(); });
  vocabulary->end_ids_ = std::move(end_ids);
  vocabulary->find_characters();
  vocabulary->build_tree();
  return std::shared_ptr<const Vocabulary>(std::move(vocabulary));
}

void Vocabulary::find_characters() {
  std::array<bool, 256> single_bytes{};
  std::vector<char32_t> characters;
  for (const std::string& token : bytes_) {
    if (token.size() == 1) single_bytes[static_cast<std::uint8_t>(token[0])] = true;
    std::string_view rest = token;
    const auto character = take_character(rest);
    if (character && rest.empty()) characters.push_back(*character);
  }
  std::sort(characters.begin(), characters.end());
  for (const char32_t character : characters) single_characters_.add(character, character);
  // The bytes of UTF-8: ASCII, continuations and the first bytes of two to four.
  const auto all = [&](std::size_t first, std::size_t last) {
    return std::all_of(single_bytes.begin() + first, single_bytes.begin() + last + 1,
                       [](bool there) { return there; });
  };
  spells_everything_ = all(0x00, 0xbf) && all(0xc2, 0xf4);
}

bool Vocabulary::ends_text(TokenId id) const {
  return std::find(end_ids_.begin(), end_ids_.end(), id) != end_ids_.end();
}

bool Vocabulary::in_tree(TokenId id) const {
  return !bytes(id).empty() && !ends_text(id) && (spells_everything_ || to_characters(bytes(id)));
}

void Vocabulary::build_tree() {
  std::vector<TokenId> order;
  for (TokenId id = 0; id < size(); ++id) {
    if (in_tree(id)) order.push_back(id);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](TokenId a, TokenId b) { return bytes(a) < bytes(b); });
  std::vector<std::uint32_t> path;  // nodes of the token before
  std::string_view before;
  const auto leave = [&](std::size_t depth) {
    for (; path.size() > depth; path.pop_back()) ends_[path.back()] = node_count();
  };
  for (const TokenId id : order) {
    const std::string_view text = bytes(id);
    const auto common = static_cast<std::size_t>(
        std::mismatch(before.begin(), before.end(), text.begin(), text.end()).first -
        before.begin());
    leave(common);
    for (std::size_t i = common; i < text.size(); ++i) {
      path.push_back(node_count());
      labels_.push_back(static_cast<std::uint8_t>(text[i]));
      depths_.push_back(static_cast<std::uint32_t>(i + 1));
      ends_.push_back(0);
      first_token_.push_back(static_cast<std::uint32_t>(tokens_.size()));
    }
    tokens_.push_back(id);
    deepest_ = std::max(deepest_, static_cast<std::uint32_t>(text.size()));
    before = text;
  }
  leave(0);
  first_token_.push_back(static_cast<std::uint32_t>(tokens_.size()));
}

}  // namespace linnet::grammar
