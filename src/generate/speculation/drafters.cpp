#include "generate/speculation/drafters.hpp"

#include <algorithm>

namespace linnet {

bool Drafters::reads_hidden() const {
  return std::ranges::any_of(drafters_,
                             [](const auto& drafter) { return drafter->reads_hidden(); });
}

void Drafters::observe(const EvaluatedRows& rows) {
  for (const auto& drafter : drafters_) drafter->observe(rows);
}

Status Drafters::propose(std::span<const DraftQuery> queries) {
  std::vector<DraftQuery> open(queries.begin(), queries.end());
  for (const auto& drafter : drafters_) {
    if (Status status = drafter->propose(open); !status) return status;
    std::erase_if(open, [&](const DraftQuery& query) {
      if (query.guesses->empty()) return false;
      guessed_[query.sequence] = drafter.get();
      return true;
    });
  }
  return {};
}

void Drafters::report(std::uint64_t sequence, std::int64_t guessed, std::int64_t accepted) {
  guessed_.at(sequence)->report(sequence, guessed, accepted);
}

void Drafters::read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) {
  for (const auto& drafter : drafters_) drafter->read_rest(sequence, tokens);
}

void Drafters::end(std::uint64_t sequence, std::span<const TokenId> tokens) {
  guessed_.erase(sequence);
  for (const auto& drafter : drafters_) drafter->end(sequence, tokens);
}

}  // namespace linnet
