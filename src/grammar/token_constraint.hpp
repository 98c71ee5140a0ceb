#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "base/token_id.hpp"

namespace linnet::grammar {

/// What limits the tokens of one text while it is generated, as a sampler sees it.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  /// Sets the logits of the tokens that may not come next to minus infinity. May be called any
  /// number of times between two tokens.
  virtual void apply(std::span<float> logits) = 0;

  /// Adds the token that was chosen. An Error for one that may not come next.
  virtual Status accept(TokenId token) = 0;

  /// True if the text may end here.
  virtual bool complete() const = 0;

  /// A constraint in the same state that goes its own way from here on.
  virtual std::unique_ptr<TokenConstraint> clone() const = 0;
};

}  // namespace linnet::grammar
