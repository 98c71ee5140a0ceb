#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/token_id.hpp"

namespace linnet {

/// What the samplers of a chain need to know of a row of logits: those that they change, and the
/// likeliest others, as LogitQuery names them.
struct LogitNeeds {
  /// If more are needed, copying whole rows is better.
  static constexpr std::int64_t kMostPicked = 256;

  bool all = false;              ///< the whole row; what follows does not count then
  bool depends_on_text = false;  ///< another text may need something else
  std::vector<TokenId> ids;
  std::span<const std::uint64_t> allowed = {};
  std::int64_t most = 1;
  float within = std::numeric_limits<float>::infinity();
  bool is_cut = false;  ///< by a sampler, so that those after it need nothing more

  /// A sampler changes the logits of `tokens`; of which ones may be up to the text: then it says
  /// so in `depends_on_text`.
  void add(std::span<const TokenId> tokens) { ids.insert(ids.end(), tokens.begin(), tokens.end()); }
  /// A sampler keeps of all tokens the `count` likeliest at most.
  void cut(std::int64_t count) {
    is_cut = true;
    most = count;
    all |= count > kMostPicked;
  }
  /// A sampler keeps those at most `distance` below the likeliest; the row is needed if they are
  /// too many.
  void cut_below(double distance) {
    is_cut = true;
    most = kMostPicked;
    // Rounded up: those that are too many are removed by the sampler.
    within = static_cast<float>(distance * 1.001 + 0.001);
  }
};

/// A row of logits, or as much of it as a chain needs.
struct LogitRow {
  std::span<float> logits;
  /// If it is set: all logits above minus infinity are at these ids, which ascend.
  const std::vector<TokenId>* known = nullptr;
};

}  // namespace linnet
