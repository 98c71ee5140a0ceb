#pragma once

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/token_id.hpp"
#include "generate/speculation/drafter.hpp"

namespace linnet {

/// A drafter that is asked for as many guesses as a `Length` of each sequence (DraftLength,
/// DraftWorth) says by what was right before.
template <class Length>
class PacedDrafter final : public Drafter {
 public:
  /// `first` is that of a sequence about which nothing is known yet.
  explicit PacedDrafter(std::unique_ptr<Drafter> drafter, Length first = Length())
      : drafter_(std::move(drafter)), first_(first) {}

  bool reads_hidden() const override { return drafter_->reads_hidden(); }
  void observe(const EvaluatedRows& rows) override { drafter_->observe(rows); }

  Status propose(std::span<const DraftQuery> queries) override {
    queries_.clear();
    for (DraftQuery query : queries) {
      query.most = std::min(query.most, length_of(query.sequence).next());
      if (query.most > 0) queries_.push_back(query);
    }
    return drafter_->propose(queries_);
  }
  void report(std::uint64_t sequence, std::int64_t guessed, std::int64_t accepted) override {
    length_of(sequence).report(guessed, accepted);
  }
  void read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) override {
    drafter_->read_rest(sequence, tokens);
  }
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override {
    lengths_.erase(sequence);
    drafter_->end(sequence, tokens);
  }

 private:
  Length& length_of(std::uint64_t sequence) {
    return lengths_.try_emplace(sequence, first_).first->second;
  }

  std::unique_ptr<Drafter> drafter_;
  Length first_;
  std::unordered_map<std::uint64_t, Length> lengths_;
  std::vector<DraftQuery> queries_;  // a member so that it keeps its memory
};

template <class Length>
std::unique_ptr<Drafter> paced(std::unique_ptr<Drafter> drafter, Length first = Length()) {
  return std::make_unique<PacedDrafter<Length>>(std::move(drafter), first);
}

}  // namespace linnet
