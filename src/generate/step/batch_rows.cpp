#include "generate/step/batch_rows.hpp"

#include <algorithm>

namespace linnet {

void BatchRows::clear() {
  for (auto* list :
       {&tokens_, &positions_, &sequences_, &outputs_, &lengths_, &inputs_, &states_}) {
    list->clear();
  }
  page_tables_.clear();
  strengths_ = {};
  adapter_strengths_.clear();
  given_.clear();
  trials_.clear();
  trial_rows_ = 0;
  placed_rows_.clear();
  keeps_hidden_ = false;
}

void BatchRows::add_sequence(const StoredSequence& stored, std::int64_t position,
                             std::int64_t count, std::int64_t input_tokens) {
  next_position_ = static_cast<std::int32_t>(position);
  page_tables_.emplace_back(stored.pages);
  lengths_.push_back(static_cast<std::int32_t>(position + count));
  inputs_.push_back(static_cast<std::int32_t>(input_tokens));
  if (stored.slot) states_.push_back(*stored.slot);
}

void BatchRows::add_row(TokenId token, bool wants_logits) {
  if (wants_logits) outputs_.push_back(static_cast<std::int32_t>(tokens_.size()));
  tokens_.push_back(token);
  adapter_strengths_.insert(adapter_strengths_.end(), strengths_.begin(), strengths_.end());
  positions_.push_back(next_position_++);
  sequences_.push_back(static_cast<std::int32_t>(page_tables_.size()) - 1);
}

void BatchRows::place_row(const Place& place) {
  placed_rows_.push_back({tokens_.size() - 1, place});
}

Batch BatchRows::batch() {
  places_.clear();
  for (std::size_t component = 0; !placed_rows_.empty() && component < Place{}.size();
       ++component) {
    const std::size_t first = places_.size();
    places_.insert(places_.end(), positions_.begin(), positions_.end());
    for (const PlacedRow& placed : placed_rows_) {
      places_[first + placed.row] = placed.place[component];
    }
  }
  const bool is_adapted =
      std::ranges::any_of(adapter_strengths_, [](float strength) { return strength != 0.0f; });
  return {.tokens = tokens_,
          .layout = {positions_, sequences_, page_tables_, lengths_, states_},
          .outputs = outputs_,
          .keeps_hidden = keeps_hidden_,
          .inputs = inputs_,
          .given = given_,
          .places = places_,
          .trials = trials_,
          .adapter_strengths = is_adapted ? adapter_strengths_ : std::span<const float>()};
}

}  // namespace linnet
