#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"
#include "grammar/automata/finite_automaton.hpp"
#include "grammar/schema/decimal.hpp"

namespace linnet::grammar {

struct NumberBound {
  Decimal value;
  bool exclusive = false;
};

/// What JSON numbers are asked for.
struct NumberRange {
  bool integers = true;   ///< whole numbers
  bool fractions = true;  ///< numbers that are not whole
  std::optional<NumberBound> minimum, maximum;
  std::vector<Decimal> multiples_of;  ///< positive
  std::vector<Decimal> excluded;

  bool unbounded() const {
    return !minimum && !maximum && multiples_of.empty() && excluded.empty();
  }
};

/// Any JSON integer of at most 16 digits, which doubles hold exactly.
Expression any_integer();
/// Any JSON number whose size and precision doubles hold.
Expression any_number();

/// The numbers of `range`, without exponents. Numbers that are not integers have at most 15 digits
/// (or as many as the bounds have), so that comparing them as doubles gives the same answers. An
/// Error if a multiple is too fine or too large for an automaton, or `budget` is spent.
Result<Expression> numbers_in(const NumberRange& range, AutomatonBudget& budget);

}  // namespace linnet::grammar
