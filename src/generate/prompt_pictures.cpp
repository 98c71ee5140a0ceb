#include "generate/prompt_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace linnet {
namespace {

// A piece of a picture.
struct PieceOf {
  std::shared_ptr<const Picture> picture;
  std::size_t index = 0;

  const std::vector<TokenId>& ids() const { return picture->tokens.parts[index].ids; }
};

// Finds pieces of pictures by the ids that they begin with.
class PieceFinder {
 public:
  explicit PieceFinder(const Pictures& pictures) {
    for (const auto& picture : pictures) {
      for (std::size_t i = 0; i < picture->pieces.size(); ++i) {
        const PieceOf piece{picture, i};
        by_first_id_.emplace(piece.ids().front(), piece);
      }
    }
  }

  // The one whose rows begin at the beginning of `tokens`; null where there is none.
  const PieceOf* at(std::span<const TokenId> tokens) const {
    const auto found = by_first_id_.find(tokens.front());
    if (found == by_first_id_.end()) return nullptr;
    const auto& ids = found->second.ids();
    const bool is_whole =
        ids.size() <= tokens.size() && std::ranges::equal(ids, tokens.first(ids.size()));
    return is_whole ? &found->second : nullptr;
  }

 private:
  std::unordered_map<TokenId, PieceOf> by_first_id_;
};

}  // namespace

Status check_pictures(std::span<const TokenId> prompt, std::int64_t vocabulary,
                      const Pictures& pictures) {
  const PieceFinder finder(pictures);
  for (std::size_t i = 0; i < prompt.size();) {
    if (prompt[i] >= 0 && prompt[i] < vocabulary) {
      ++i;
      continue;
    }
    const PieceOf* const piece = finder.at(prompt.subspan(i));
    if (!piece) {
      return Error{fmt::format("token {} is not in the vocabulary of {}", prompt[i], vocabulary)};
    }
    i += piece->ids().size();
  }
  return {};
}

std::int32_t PromptPictures::PlacedPiece::time_behind() const {
  return time + std::max(piece().size.width, piece().size.height);
}

PromptPictures::PromptPictures(const VisionSpec& spec, std::span<const TokenId> prompt,
                               const Pictures& pictures)
    : spec_(&spec) {
  const PieceFinder finder(pictures);
  std::int32_t time = 0;
  for (std::size_t i = 0; i < prompt.size();) {
    const PieceOf* const piece = finder.at(prompt.subspan(i));
    if (!piece) {
      ++i, ++time;
      continue;
    }
    pieces_.push_back({static_cast<std::int64_t>(i), piece->picture, piece->index, time});
    time = pieces_.back().time_behind();
    i += piece->ids().size();
  }
}

std::optional<std::size_t> PromptPictures::next_without_rows(std::int64_t from) const {
  const auto next =
      std::ranges::find_if(pieces_, [&](const PlacedPiece& one) { return one.end() > from; });
  if (next == pieces_.end() || next->rows) return std::nullopt;
  return static_cast<std::size_t>(next - pieces_.begin());
}

std::int64_t PromptPictures::rows_ready(std::int64_t from, std::int64_t count) const {
  for (const PlacedPiece& one : pieces_) {
    const bool is_met = one.first < from + count && from < one.end();
    const bool is_cut = is_met && from + count < one.end();
    if (is_met && !one.rows) return one.first - from;
    if (is_cut && spec_->see_each_other != SeeEachOther::kNo) return one.first - from;
  }
  return count;
}

std::vector<GivenRows> PromptPictures::given(std::int64_t from, std::int64_t count,
                                             std::int64_t first_row) const {
  std::vector<GivenRows> runs;
  for (const PlacedPiece& one : pieces_) {
    const std::int64_t begin = std::max(from, one.first), end = std::min(from + count, one.end());
    if (begin >= end) continue;
    const std::int64_t columns = std::ssize(one.rows->values) / one.rows->rows;
    runs.push_back({first_row + begin - from, end - begin,
                    one.rows->values.data() + (begin - one.first) * columns,
                    spec_->see_each_other});
  }
  return runs;
}

void PromptPictures::drop_rows(std::int64_t before) {
  for (PlacedPiece& one : pieces_) {
    if (one.end() <= before) one.rows.reset();
  }
}

Place PromptPictures::place(std::int64_t token) const {
  const auto behind =
      std::ranges::upper_bound(pieces_, token, {}, [](const auto& one) { return one.first; });
  if (behind == pieces_.begin()) {
    const auto time = static_cast<std::int32_t>(token);
    return {time, time, time};
  }
  const PlacedPiece& one = *std::prev(behind);
  if (token >= one.end()) {
    const auto time = one.time_behind() + static_cast<std::int32_t>(token - one.end());
    return {time, time, time};
  }
  const auto row = static_cast<std::int32_t>(token - one.first);
  const int across = one.piece().size.width;
  return {one.time, one.time + row / across, one.time + row % across};
}

}  // namespace linnet
