#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/token_id.hpp"
#include "generate/speculation/drafter.hpp"

namespace linnet {

/// Several drafters: each is asked about what those before it could not guess.
class Drafters final : public Drafter {
 public:
  explicit Drafters(std::vector<std::unique_ptr<Drafter>> drafters)
      : drafters_(std::move(drafters)) {}

  bool reads_hidden() const override;
  void observe(const EvaluatedRows& rows) override;
  void report(std::uint64_t sequence, std::int64_t guessed, std::int64_t accepted) override;
  Status propose(std::span<const DraftQuery> queries) override;
  void read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  std::vector<std::unique_ptr<Drafter>> drafters_;
  std::unordered_map<std::uint64_t, Drafter*> guessed_;  // who did, by sequence
};

}  // namespace linnet
