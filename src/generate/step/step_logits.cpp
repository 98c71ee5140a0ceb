#include "generate/step/step_logits.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace linnet {

void StepLogits::read(const View& logits) {
  columns_ = logits.columns;
  picked_.assign(needs_.size(), {});
  if (!pick(logits)) {
    for (LogitNeeds& needs : needs_) needs.all = true;
  }
  read_whole_rows(logits);
}

// What the chains need; rows of which that is too much become whole ones. False if nothing can
// be picked.
bool StepLogits::pick(const View& logits) {
  std::vector<LogitQuery> queries;
  for (std::size_t i = 0; i < needs_.size(); ++i) {
    LogitNeeds& needs = needs_[i];
    std::erase_if(needs.ids, [&](TokenId id) { return id >= columns_; });
    if (!is_picked(i)) continue;
    queries.push_back(
        {static_cast<std::int64_t>(i), needs.ids, needs.allowed, needs.most, needs.within});
  }
  std::vector<PickedLogits> picked(queries.size());
  if (queries.empty() || !backend_.pick_logits(logits, queries, picked)) return false;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    const auto row = static_cast<std::size_t>(queries[q].row);
    picked_[row] = std::move(picked[q]);
    needs_[row].all = !is_enough(needs_[row], picked_[row]);
  }
  return true;
}

// If nothing was picked, the row may hold NaN. Of those near the likeliest there
// may be more than were picked, and large logits are too coarse to say which are near.
bool StepLogits::is_enough(const LogitNeeds& needs, const PickedLogits& picked) {
  constexpr float kCoarse = 4096.0f;
  if (picked.ids.empty()) return false;
  if (needs.within == std::numeric_limits<float>::infinity()) return true;
  const bool is_coarse =
      std::ranges::any_of(picked.logits, [](float logit) { return std::abs(logit) > kCoarse; });
  return std::ssize(picked.ids) < needs.most && !is_coarse;
}

// Rows that follow one another with one copy.
void StepLogits::read_whole_rows(const View& logits) {
  const auto count = static_cast<std::int64_t>(needs_.size());
  for (std::int64_t first = 0, last = 0; first < count; first = last) {
    last = first + 1;
    if (is_picked(static_cast<std::size_t>(first))) continue;
    while (last < count && !is_picked(static_cast<std::size_t>(last))) ++last;
    whole_.resize(std::max(whole_.size(), static_cast<std::size_t>(last * columns_)));
    const View rows{logits.row(first), last - first, columns_, logits.stride};
    backend_.download(rows, whole_.data() + first * columns_);
  }
  for (std::size_t i = 0; i < picked_.size(); ++i) {
    if (!is_picked(i)) restore(i);
  }
}

// Picking took out what was wanted by its id.
void StepLogits::restore(std::size_t row) {
  const LogitNeeds& needs = needs_[row];
  for (std::size_t i = 0; i < picked_[row].of_ids.size(); ++i) {
    whole_[row * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(needs.ids[i])] =
        picked_[row].of_ids[i];
  }
}

void StepLogits::read_likeliest(const View& logits) {
  LogitNeeds likeliest;
  likeliest.all = !picks();
  needs_.assign(static_cast<std::size_t>(logits.rows), likeliest);
  read(logits);
}

LogitRow StepLogits::row(std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  if (!is_picked(i)) {
    return {{whole_.data() + index * columns_, static_cast<std::size_t>(columns_)}};
  }
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  sparse_.resize(static_cast<std::size_t>(columns_), kNever);
  for (const TokenId id : known_) sparse_[static_cast<std::size_t>(id)] = kNever;
  const PickedLogits& picked = picked_[i];
  const std::vector<TokenId>& ids = needs_[i].ids;
  for (std::size_t j = 0; j < picked.of_ids.size(); ++j) sparse_[ids[j]] = picked.of_ids[j];
  for (std::size_t j = 0; j < picked.ids.size(); ++j) sparse_[picked.ids[j]] = picked.logits[j];
  known_.clear();
  std::ranges::merge(std::span(ids).first(picked.of_ids.size()), picked.ids,
                     std::back_inserter(known_));
  return {sparse_, &known_};
}

}  // namespace linnet
