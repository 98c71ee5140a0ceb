#include "encoder/row_layout.hpp"

#include <numeric>

#include "backend/kv_pages.hpp"

namespace linnet {

RowLayout::RowLayout(std::vector<std::int32_t> lengths) : lengths_(std::move(lengths)) {
  std::vector<std::int64_t> counts;  // of pages
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    const auto rows = static_cast<std::size_t>(lengths_[s]);
    sequences_.insert(sequences_.end(), rows, static_cast<std::int32_t>(s));
    const std::size_t before = positions_.size();
    positions_.resize(before + rows);
    std::iota(positions_.begin() + static_cast<std::ptrdiff_t>(before), positions_.end(), 0);
    counts.push_back(pages_for(lengths_[s]));
  }
  pages_.resize(static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), 0LL)));
  std::iota(pages_.begin(), pages_.end(), 0);
  std::int64_t first = 0;
  for (const std::int64_t count : counts) {
    page_tables_.push_back(std::span<const std::int32_t>(pages_).subspan(first, count));
    first += count;
  }
}

RowLayout::RowLayout(std::int64_t sequences, std::int64_t rows)
    : RowLayout(std::vector<std::int32_t>(static_cast<std::size_t>(sequences),
                                          static_cast<std::int32_t>(rows))) {}

SharedKeys::SharedKeys(std::int64_t rows, std::int64_t keys)
    : zeros_(static_cast<std::size_t>(rows), 0), keys_(1, keys) {}

BatchLayout SharedKeys::rows() const {
  BatchLayout layout = keys();
  layout.positions = layout.sequences = zeros_;
  return layout;
}

}  // namespace linnet
