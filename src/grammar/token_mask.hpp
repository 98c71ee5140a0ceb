#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "grammar/automata/pushdown_automaton.hpp"
#include "grammar/matcher.hpp"
#include "grammar/token_set.hpp"
#include "grammar/vocabulary.hpp"

namespace linnet::grammar {

/// The tokens that a grammar allows, worked out once for each state of its automaton by a walk over
/// the tree of the vocabulary and then kept, whatever calls are around the state. Safe to share
/// between threads; made once for a grammar, used by all sessions with it.
class TokenMask {
 public:
  /// What a state allows as long as its rule does not end.
  struct StateMask {
    TokenSet tokens;           ///< empty (size 0) if `few` is used
    std::vector<TokenId> few;  ///< the same as a list, where it is short
    /// Nodes of the tree one byte after the rule may have ended, by that byte.
    std::vector<std::uint32_t> exits;
    std::vector<std::uint32_t> first_exit;  ///< of each byte and after the last; empty: no exits
    std::uint64_t work = 0;                 ///< steps that the walk took
    std::uint32_t reach = 0;                ///< depth of calls that the walk came to
    bool overflowed = false;                ///< the walk was given up: too many ways to read tokens

    void add_to(TokenSet& set) const;
    std::span<const std::uint32_t> exits_by(std::uint8_t byte) const {
      return {exits.data() + first_exit[byte], exits.data() + first_exit[byte + 1u]};
    }
  };

  /// An Error if the vocabulary cannot spell any text of the grammar, or lacks a token that the
  /// grammar names.
  static Result<std::shared_ptr<TokenMask>> create(
      std::shared_ptr<const PushdownAutomaton> automaton,
      std::shared_ptr<const Vocabulary> vocabulary, const MatchLimits& limits = {});

  const PushdownAutomaton& automaton() const { return *automaton_; }
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  const MatchLimits& limits() const { return limits_; }

  std::shared_ptr<const StateMask> of_state(std::uint32_t state);

  /// Whether the grammar's set number `set` of tokens has `id`. A token that ends the text is only
  /// in sets that name it: `!<[1]>` must not end a text early.
  bool in_set(std::uint32_t set, TokenId id) const {
    const Tokens& tokens = automaton_->token_sets()[set];
    return tokens.contains(id) && !(tokens.negated && vocabulary_->ends_text(id));
  }

  /// Adds the tokens of the grammar's set number `set` to `to`. Returns how many steps that took.
  std::uint64_t add_set(std::uint32_t set, TokenSet& to) const;

  /// States whose masks have been worked out so far, and again if they had been dropped.
  std::size_t walks() const;

 private:
  TokenMask(std::shared_ptr<const PushdownAutomaton> automaton,
            std::shared_ptr<const Vocabulary> vocabulary, const MatchLimits& limits)
      : automaton_(std::move(automaton)), vocabulary_(std::move(vocabulary)), limits_(limits) {}
  std::shared_ptr<const StateMask> compute(std::uint32_t state) const;
  void sort_exits(StateMask& mask) const;

  std::shared_ptr<const PushdownAutomaton> automaton_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  MatchLimits limits_;
  std::vector<std::uint32_t> classes_;  // states with the same number have the same mask

  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::shared_ptr<const StateMask>> masks_;  // guarded by mutex_
  std::size_t mask_bytes_ = 0;                                                 // guarded by mutex_
  std::size_t walks_ = 0;                                                      // guarded by mutex_
};

}  // namespace linnet::grammar
