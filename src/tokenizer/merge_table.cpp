#include "tokenizer/merge_table.hpp"

#include <fmt/format.h>

#include <string>

#include "base/utf8.hpp"

namespace linnet {
namespace {

constexpr std::size_t kMostMerges = 1 << 25;

}  // namespace

Result<MergeTable> MergeTable::read(const gguf::File& file, const Vocabulary& vocabulary,
                                    bool or_ranks_by_id) {
  constexpr std::string_view kKey = "tokenizer.ggml.merges";
  auto merges = file.array(kKey);
  if (!merges) return merges.error();
  if (!*merges && or_ranks_by_id) return from_ids(vocabulary);
  if (!*merges) {
    return Error{fmt::format("{}: metadata key {} is missing", file.path().string(), kKey)};
  }
  if (!(*merges)->is_string() || (*merges)->size() > kMostMerges) {
    return Error{fmt::format("{}: {} must be an array of at most {} strings", file.path().string(),
                             kKey, kMostMerges)};
  }
  MergeTable table((*merges)->size());
  for (std::size_t i = 0; i < (*merges)->size(); ++i) {
    const std::string_view line = (*merges)->string(i);
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos) continue;
    table.add(vocabulary, line.substr(0, space), line.substr(space + 1),
              static_cast<std::uint32_t>(i));
  }
  return table;
}

MergeTable MergeTable::from_ids(const Vocabulary& vocabulary) {
  // Takes the square of a piece's length; real ones have some 128 bytes at most.
  constexpr std::size_t kLongestPieceBytes = 512;
  MergeTable table(static_cast<std::size_t>(vocabulary.size()) * 3);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string_view piece = vocabulary.piece(id);
    const bool usable = piece.size() <= kLongestPieceBytes && is_valid_utf8(piece);
    if (!usable || vocabulary.find_text(piece) != id) continue;
    for (std::size_t i = 0; i < piece.size(); i += utf8_length(piece[i])) {
      table.add(vocabulary, piece.substr(0, i), piece.substr(i), static_cast<std::uint32_t>(id));
    }
  }
  return table;
}

void MergeTable::add(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
                     std::uint32_t order) {
  if (left.empty() || right.empty()) return;
  const auto left_id = vocabulary.find(left), right_id = vocabulary.find(right);
  const auto merged = vocabulary.find_text(std::string(left).append(right));
  if (!left_id || !right_id || !merged) return;
  map_.insert(key_of(*left_id, *right_id),
              std::uint64_t{order} << 32 | static_cast<std::uint32_t>(*merged));
}

}  // namespace linnet
