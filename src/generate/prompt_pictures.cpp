#include "generate/prompt_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace linnet {
namespace {

// Finds pictures by the ids that they begin with.
class PictureFinder {
 public:
  explicit PictureFinder(const Pictures& pictures) {
    for (const auto& picture : pictures) by_first_id_.emplace(picture->tokens.ids.front(), picture);
  }

  // The one whose rows begin at the beginning of `tokens`; null where there is none.
  std::shared_ptr<const Picture> at(std::span<const TokenId> tokens) const {
    const auto found = by_first_id_.find(tokens.front());
    if (found == by_first_id_.end()) return nullptr;
    const auto& ids = found->second->tokens.ids;
    const bool is_whole =
        ids.size() <= tokens.size() && std::ranges::equal(ids, tokens.first(ids.size()));
    return is_whole ? found->second : nullptr;
  }

 private:
  std::unordered_map<TokenId, std::shared_ptr<const Picture>> by_first_id_;
};

}  // namespace

Status check_pictures(std::span<const TokenId> prompt, std::int64_t vocabulary,
                      const Pictures& pictures) {
  const PictureFinder finder(pictures);
  for (std::size_t i = 0; i < prompt.size();) {
    if (prompt[i] >= 0 && prompt[i] < vocabulary) {
      ++i;
      continue;
    }
    const auto picture = finder.at(prompt.subspan(i));
    if (!picture) {
      return Error{fmt::format("token {} is not in the vocabulary of {}", prompt[i], vocabulary)};
    }
    i += picture->tokens.ids.size();
  }
  return {};
}

std::int32_t PromptPictures::PlacedPicture::time_behind() const {
  return time + std::max(picture->size.width, picture->size.height);
}

PromptPictures::PromptPictures(const VisionSpec& spec, std::span<const TokenId> prompt,
                               const Pictures& pictures)
    : spec_(&spec) {
  const PictureFinder finder(pictures);
  std::int32_t time = 0;
  for (std::size_t i = 0; i < prompt.size();) {
    const auto picture = finder.at(prompt.subspan(i));
    if (!picture) {
      ++i, ++time;
      continue;
    }
    pictures_.push_back({static_cast<std::int64_t>(i), picture, time});
    time = pictures_.back().time_behind();
    i += picture->tokens.ids.size();
  }
}

std::int64_t PromptPictures::rows_without_cut(std::int64_t from, std::int64_t count) const {
  if (pictures_.empty() || spec_->see_each_other == SeeEachOther::kNo) return count;
  for (const PlacedPicture& one : pictures_) {
    if (one.first < from + count && from + count < one.end()) return one.first - from;
  }
  return count;
}

Result<std::vector<GivenRows>> PromptPictures::given(std::int64_t from, std::int64_t count,
                                                     std::int64_t first_row,
                                                     const EncodePicture& encode) {
  std::vector<GivenRows> runs;
  for (PlacedPicture& one : pictures_) {
    const std::int64_t begin = std::max(from, one.first), end = std::min(from + count, one.end());
    if (begin >= end) continue;
    if (!one.rows) {
      auto rows = encode(*one.picture);
      if (!rows) return rows.error();
      one.rows = std::move(*rows);
    }
    const std::int64_t columns = std::ssize(one.rows->values) / one.rows->rows;
    runs.push_back({first_row + begin - from, end - begin,
                    one.rows->values.data() + (begin - one.first) * columns,
                    spec_->see_each_other});
  }
  return runs;
}

void PromptPictures::drop_rows(std::int64_t before) {
  for (PlacedPicture& one : pictures_) {
    if (one.end() <= before) one.rows.reset();
  }
}

Place PromptPictures::place(std::int64_t token) const {
  const auto behind =
      std::ranges::upper_bound(pictures_, token, {}, [](const auto& one) { return one.first; });
  if (behind == pictures_.begin()) {
    const auto time = static_cast<std::int32_t>(token);
    return {time, time, time};
  }
  const PlacedPicture& one = *std::prev(behind);
  if (token >= one.end()) {
    const auto time = one.time_behind() + static_cast<std::int32_t>(token - one.end());
    return {time, time, time};
  }
  const auto row = static_cast<std::int32_t>(token - one.first);
  const int across = one.picture->size.width;
  return {one.time, one.time + row / across, one.time + row % across};
}

}  // namespace linnet
