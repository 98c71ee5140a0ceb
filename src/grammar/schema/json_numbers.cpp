#include "grammar/schema/json_numbers.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "grammar/automata/character_classes.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kIntegerDigits = 16;
constexpr std::size_t kNumberDigits = 15;
constexpr std::uint32_t kLargestMultiple = 10'000;

Expression digit() { return characters(digits()); }

Expression integer_part(std::uint64_t more_digits) {
  return choice(
      {literal("0"), sequence({characters({U'1', U'9'}), repeat(digit(), 0, more_digits)})});
}

// Builds an automaton whose states have keys; the first key is the start.
template <class Key>
class KeyedAutomaton {
 public:
  std::uint32_t state(const Key& key) {
    const auto [at, added] = numbers_.try_emplace(key, automaton_.states.size());
    if (added) {
      automaton_.states.emplace_back();
      keys_.push_back(key);
    }
    return at->second;
  }
  void edge(std::uint32_t from, char32_t label, const Key& to) {
    const std::uint32_t target = state(to);
    automaton_.states[from].edges.push_back({label, label, target});
  }
  void accept(std::uint32_t state) { automaton_.states[state].accepting = true; }
  std::size_t size() const { return keys_.size(); }
  Key key(std::size_t state) const { return keys_[state]; }
  FiniteAutomaton finish() {
    for (auto& state : automaton_.states) std::sort(state.edges.begin(), state.edges.end());
    return std::move(automaton_);
  }

 private:
  FiniteAutomaton automaton_;
  std::map<Key, std::uint32_t> numbers_;
  std::vector<Key> keys_;
};

enum Verdict { kLess = 1, kEqual = 2, kGreater = 4 };

Verdict compare(int a, int b) { return a < b ? kLess : a > b ? kGreater : kEqual; }

// Numbers without a sign that compare to `bound` in one of the ways of `wanted`. Leading zeros and
// the like are left to the automaton of the notation.
FiniteAutomaton compared_to(const Decimal& bound, int wanted) {
  enum Phase { kInteger, kFraction, kDecided };
  using Key = std::tuple<Phase, std::size_t, Verdict>;  // phase, digits read, verdict so far
  const std::size_t whole = bound.integer.size(), rest = bound.fraction.size();
  KeyedAutomaton<Key> automaton;
  automaton.state({kInteger, 0, kEqual});
  for (std::uint32_t state = 0; state < automaton.size(); ++state) {
    const auto [phase, read, so_far] = automaton.key(state);
    Verdict verdict = so_far;  // if the number ended here, without looking at bound.fraction
    if (phase == kInteger && read != whole) verdict = read < whole ? kLess : kGreater;
    const bool equal_so_far = verdict == kEqual;
    const std::size_t fraction_read = phase == kFraction ? read : 0;
    if (equal_so_far && fraction_read < rest) verdict = kLess;
    if ((phase != kInteger || read > 0) && (verdict & wanted) != 0) automaton.accept(state);
    if (phase == kInteger && read > 0) {
      automaton.edge(state, U'.',
                     equal_so_far ? Key{kFraction, 0, kEqual} : Key{kDecided, 0, verdict});
    }
    for (int value = 0; value < 10; ++value) {
      Key next{kDecided, 0, so_far};
      if (phase == kInteger) {
        const bool longer = read >= whole;
        const Verdict now = longer             ? kGreater
                            : so_far != kEqual ? so_far
                                               : compare(value, bound.integer[read] - '0');
        next = {kInteger, std::min(read + 1, whole + 1), now};
      } else if (phase == kFraction) {
        const Verdict now = compare(value, read < rest ? bound.fraction[read] - '0' : 0);
        if (now != kEqual) {
          next = {kDecided, 0, now};
        } else {
          next = {kFraction, std::min(read + 1, rest), kEqual};
        }
      }
      automaton.edge(state, static_cast<char32_t>(U'0' + value), next);
    }
  }
  return automaton.finish();
}

// Numbers without a sign that are a multiple of `unit` / 10^scale.
FiniteAutomaton multiples(std::uint32_t unit, std::uint32_t scale) {
  using Key = std::tuple<std::uint32_t, std::uint32_t>;  // 1 + digits after the point or 0, rest
  KeyedAutomaton<Key> automaton;
  automaton.state({0, 0});
  for (std::uint32_t state = 0; state < automaton.size(); ++state) {
    const auto [place, remainder] = automaton.key(state);
    const std::uint32_t fraction_read = place == 0 ? 0 : place - 1;
    std::uint64_t scaled = remainder;
    for (std::uint32_t i = fraction_read; i < scale; ++i) scaled = scaled * 10 % unit;
    if (scaled == 0) automaton.accept(state);
    if (place == 0) automaton.edge(state, U'.', {1, remainder});
    const bool last_place = place > 0 && fraction_read == scale;
    for (std::uint32_t value = 0; value < 10; ++value) {
      if (last_place && value > 0) break;  // finer than the unit
      const std::uint32_t next = last_place ? remainder : (remainder * 10 + value) % unit;
      automaton.edge(state, U'0' + value, {place == 0 || last_place ? place : place + 1, next});
    }
  }
  return automaton.finish();
}

Result<FiniteAutomaton> multiples_of(const Decimal& value) {
  const std::string all = value.integer + value.fraction;
  const auto scale = static_cast<std::uint32_t>(value.fraction.size());
  const std::size_t first = std::min(all.find_first_not_of('0'), all.size());
  std::uint64_t unit = 0;
  for (const char c : all.substr(first, 8)) unit = unit * 10 + static_cast<std::uint64_t>(c - '0');
  if (all.size() - first > 8 || unit * (scale + 2) > kLargestMultiple) {
    return Error{"multipleOf is too large or too fine: its digits must make a number up to " +
                 std::to_string(kLargestMultiple / (scale + 2))};
  }
  return multiples(static_cast<std::uint32_t>(unit), scale);
}

// The notation: which digits and how many.
Result<FiniteAutomaton> notation(const NumberRange& range, std::size_t digit_count) {
  const Expression fraction = sequence({literal("."), repeat(digit(), 1, std::nullopt)});
  // Some digit after the point is not zero.
  const Expression not_whole =
      sequence({literal("."), repeat(digit(), 0, std::nullopt), characters({U'1', U'9'}),
                repeat(digit(), 0, std::nullopt)});
  const Expression tail = !range.fractions ? empty()
                          : range.integers ? optional(fraction)
                                           : not_whole;
  auto shape = compile_regular(sequence({integer_part(digit_count - 1), tail}));
  if (!shape) return shape.error();
  auto count = compile_regular(repeat(sequence({digit(), optional(literal("."))}), 1, digit_count));
  if (!count) return count.error();
  auto both = intersect(*shape, *count, {});
  if (!both) return too_large({});
  return std::move(*both);
}

struct Condition {
  Decimal bound;
  int wanted = 0;
};

// The conditions that the magnitudes of the negative or the other numbers of `range` have to meet;
// nothing if there are no such numbers.
std::optional<std::vector<Condition>> conditions(const NumberRange& range, bool negative) {
  std::vector<Condition> result;
  if (negative) result.push_back({{}, kGreater});
  // Seen from zero: for negative numbers the minimum limits the magnitude from above.
  const auto& nearer = negative ? range.maximum : range.minimum;
  const auto& farther = negative ? range.minimum : range.maximum;
  const auto on_this_side = [&](const Decimal& value) {
    return value.is_zero() || value.negative == negative;
  };
  if (farther) {
    if (!on_this_side(farther->value)) return std::nullopt;
    result.push_back({farther->value.magnitude(), farther->exclusive ? kLess : kLess | kEqual});
  }
  if (nearer && on_this_side(nearer->value)) {
    result.push_back({nearer->value.magnitude(), nearer->exclusive ? kGreater : kGreater | kEqual});
  }
  for (const Decimal& value : range.excluded) {
    if (on_this_side(value)) result.push_back({value.magnitude(), kLess | kGreater});
  }
  return result;
}

Result<FiniteAutomaton> magnitudes(const NumberRange& range,
                                   const std::vector<Condition>& conditions,
                                   AutomatonBudget& budget) {
  std::size_t digit_count = range.fractions ? kNumberDigits : kIntegerDigits;
  for (const Condition& condition : conditions) {
    digit_count =
        std::max(digit_count, condition.bound.integer.size() +
                                  (range.fractions ? condition.bound.fraction.size() : 0));
  }
  auto result = notation(range, digit_count);
  const auto restrict_to = [&](const FiniteAutomaton& other) {
    auto both = intersect(*result, other, {});
    if (!both) {
      result = too_large({});
    } else if (const Status status = budget.count(*both); !status) {
      result = status.error();
    } else {
      result = merge_equal_states(*both);
    }
  };
  for (std::size_t i = 0; i < conditions.size() && result; ++i) {
    restrict_to(compared_to(conditions[i].bound, conditions[i].wanted));
  }
  for (std::size_t i = 0; i < range.multiples_of.size() && result; ++i) {
    auto multiple = multiples_of(range.multiples_of[i]);
    if (!multiple) return multiple.error();
    restrict_to(*multiple);
  }
  return result;
}

}  // namespace

Expression any_integer() {
  return sequence({optional(literal("-")), integer_part(kIntegerDigits - 1)});
}

Expression any_number() {
  CharacterSet e(U'e'), sign(U'+');
  e.add(U'E', U'E');
  sign.add(U'-', U'-');
  const Expression exponent =
      sequence({characters(e), optional(characters(sign)), repeat(digit(), 1, 2)});
  return sequence({any_integer(),
                   optional(sequence({literal("."), repeat(digit(), 1, kIntegerDigits)})),
                   optional(exponent)});
}

Result<Expression> numbers_in(const NumberRange& range, AutomatonBudget& budget) {
  std::vector<Expression> options;
  for (const bool negative : {false, true}) {
    const auto wanted = conditions(range, negative);
    if (!wanted) continue;
    auto automaton = magnitudes(range, *wanted, budget);
    if (!automaton) return automaton.error();
    Expression magnitude = to_expression(*automaton, characters);
    options.push_back(negative ? sequence({literal("-"), std::move(magnitude)})
                               : std::move(magnitude));
  }
  return choice(std::move(options));
}

}  // namespace linnet::grammar
