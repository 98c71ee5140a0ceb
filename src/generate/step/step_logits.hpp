#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.hpp"
#include "base/token_id.hpp"
#include "generate/sampling/sampler_chain.hpp"

namespace linnet {

/// The logits of a step on the host: of each row what its chain needs, where the backend can pick
/// that, else the whole row.
class StepLogits {
 public:
  explicit StepLogits(Backend& backend) : backend_(backend) {}

  /// Whether rows need not be whole, so that it is worthwhile to ask what they need.
  bool picks() { return backend_.pick_logits({}, {}, {}); }

  /// What is known of the needs of the next row; those of all rows, in their order, are stated
  /// between clear() and read().
  void clear() { needs_.clear(); }
  void add_row(LogitNeeds needs) { needs_.push_back(std::move(needs)); }

  /// Copies from `logits`, of as many rows. Whether that went well, the backend's status() says.
  void read(const View& logits);
  /// The same where of all rows only the likeliest token is wanted; no needs are to be stated.
  void read_likeliest(const View& logits);
  /// A row, until the next call; what a chain changes of it is its own.
  LogitRow row(std::int64_t index);

 private:
  /// Whether what is needed of a row was picked.
  bool is_picked(std::size_t row) const { return !needs_[row].all; }
  bool pick(const View& logits);
  static bool is_enough(const LogitNeeds& needs, const PickedLogits& picked);
  void read_whole_rows(const View& logits);
  void restore(std::size_t row);

  Backend& backend_;
  std::vector<LogitNeeds> needs_;  // of the rows
  std::int64_t columns_ = 0;
  std::vector<float> whole_;          // [rows, columns], as far as they are whole
  std::vector<PickedLogits> picked_;  // of the rows
  std::vector<float> sparse_;  // a row of which only the ids `known_` are above minus infinity
  std::vector<TokenId> known_;
};

}  // namespace linnet
