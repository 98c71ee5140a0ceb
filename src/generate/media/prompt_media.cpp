#include "generate/media/prompt_media.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace linnet {
namespace {

// A piece of a picture or a sound.
struct PieceOf {
  std::shared_ptr<const Medium> medium;
  std::size_t index = 0;

  const std::vector<TokenId>& ids() const { return medium->tokens.parts[index].ids; }
};

Place all_at(std::int32_t time) { return {time, time, time, time}; }

// Finds pieces by the ids that they begin with.
class PieceFinder {
 public:
  explicit PieceFinder(const Media& media) {
    for (const auto& medium : media) {
      for (std::size_t i = 0; i < medium->pieces.size(); ++i) {
        const PieceOf piece{medium, i};
        by_first_id_.emplace(piece.ids().front(), piece);
      }
    }
  }

  // The one whose rows begin at the beginning of `tokens`; null if there is none.
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

Status check_media(std::span<const TokenId> prompt, std::int64_t vocabulary, const Media& media) {
  const PieceFinder finder(media);
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

std::int32_t PromptMedia::PlacedPiece::time_behind() const {
  if (piece().is_sound() || piece().row_places == RowPlaces::kLines) {
    return time + static_cast<std::int32_t>(end() - first);
  }
  return time + std::max(piece().size.width, piece().size.height);
}

Place PromptMedia::PlacedPiece::place(std::int32_t row) const {
  const int across = piece().size.width, line = across + 1;  // with the row at its end
  const std::int32_t now = time + row;
  if (piece().is_sound()) return all_at(now);
  if (piece().row_places != RowPlaces::kLines) {
    return {time, time + row / across, time + row % across, time};
  }
  const bool is_edge = row == 0 || now + 1 == time_behind();
  if (is_edge) return all_at(now);
  return {now, (row - 1) % line, (row - 1) / line, number};
}

PromptMedia::PromptMedia(std::span<const TokenId> prompt, const Media& media) {
  const PieceFinder finder(media);
  std::int32_t time = 0, pictures = 0;
  for (std::size_t i = 0; i < prompt.size();) {
    const PieceOf* const piece = finder.at(prompt.subspan(i));
    if (!piece) {
      ++i, ++time;
      continue;
    }
    pieces_.push_back({static_cast<std::int64_t>(i), piece->medium, piece->index, time, pictures});
    if (!piece->medium->is_sound()) ++pictures;
    time = pieces_.back().time_behind();
    i += piece->ids().size();
  }
}

std::optional<std::size_t> PromptMedia::next_without_rows(std::int64_t from) const {
  const auto next =
      std::ranges::find_if(pieces_, [&](const PlacedPiece& one) { return one.end() > from; });
  if (next == pieces_.end() || next->rows) return std::nullopt;
  return static_cast<std::size_t>(next - pieces_.begin());
}

std::int64_t PromptMedia::rows_ready(std::int64_t from, std::int64_t count) const {
  for (const PlacedPiece& one : pieces_) {
    const bool is_met = one.first < from + count && from < one.end();
    const bool is_cut = is_met && from + count < one.end();
    if (is_met && !one.rows) return one.first - from;
    if (is_cut && one.piece().see_each_other != SeeEachOther::kNo) return one.first - from;
  }
  return count;
}

std::vector<GivenRows> PromptMedia::given(std::int64_t from, std::int64_t count,
                                          std::int64_t first_row) const {
  std::vector<GivenRows> runs;
  for (const PlacedPiece& one : pieces_) {
    const std::int64_t begin = std::max(from, one.first), end = std::min(from + count, one.end());
    if (begin >= end) continue;
    const std::int64_t columns = std::ssize(one.rows->values) / one.rows->rows;
    runs.push_back({first_row + begin - from, end - begin,
                    one.rows->values.data() + (begin - one.first) * columns,
                    one.piece().see_each_other});
  }
  return runs;
}

void PromptMedia::drop_rows(std::int64_t before) {
  for (PlacedPiece& one : pieces_) {
    if (one.end() <= before) one.rows.reset();
  }
}

bool PromptMedia::has_places() const {
  return std::ranges::any_of(
      pieces_, [](const auto& one) { return one.piece().row_places != RowPlaces::kNone; });
}

Place PromptMedia::place(std::int64_t token) const {
  const auto behind =
      std::ranges::upper_bound(pieces_, token, {}, [](const auto& one) { return one.first; });
  if (behind == pieces_.begin()) return all_at(static_cast<std::int32_t>(token));
  const PlacedPiece& one = *std::prev(behind);
  if (token >= one.end()) {
    return all_at(one.time_behind() + static_cast<std::int32_t>(token - one.end()));
  }
  return one.place(static_cast<std::int32_t>(token - one.first));
}

}  // namespace linnet
