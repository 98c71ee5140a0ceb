#include "chat/jinja/compare.hpp"

#include <cmath>

#include "chat/jinja/run.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

constexpr double kBeyondIntegers = 0x1p126;

void check_depth(int depth) {
  if (depth > kMaxValueDepth) fail("a value is nested more than {} deep", kMaxValueDepth);
}

std::partial_ordering compare_integer(Integer a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= kBeyondIntegers) return std::partial_ordering::less;
  if (b <= -kBeyondIntegers) return std::partial_ordering::greater;
  const double whole = std::trunc(b);
  const auto integer = static_cast<Integer>(whole);
  if (a != integer)
    return a < integer ? std::partial_ordering::less : std::partial_ordering::greater;
  return 0.0 <=> b - whole;
}

bool are_equal(Run& run, const Dict& a, const Dict& b, int depth) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (!other || !are_equal(run, value, *other, depth)) return false;
  }
  return true;
}

bool are_equal(Run& run, const Sequence& a, const Sequence& b, int depth) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.kind == Sequence::Kind::kIterator) return false;
  if (a.items.size() != b.items.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!are_equal(run, a.items[i], b.items[i], depth)) return false;
  }
  return true;
}

std::partial_ordering compare(Run& run, const Sequence& a, const Sequence& b, int depth) {
  const std::size_t common = std::min(a.items.size(), b.items.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (!are_equal(run, a.items[i], b.items[i], depth)) {
      return compare(run, a.items[i], b.items[i], depth);
    }
  }
  return a.items.size() <=> b.items.size();
}

bool contains(Run& run, Sequence& sequence, const Value& item) {
  // An iterator has given what it was searched for.
  const bool once = sequence.kind == Sequence::Kind::kIterator;
  for (std::size_t i = once ? sequence.next : 0; i < sequence.items.size(); ++i) {
    run.budget.step();
    if (once) sequence.next = i + 1;
    const Value& own = sequence.items[i];
    const bool is_same = !own.is_string() && are_same(run, own, item);
    if (is_same || are_equal(run, own, item)) return true;
  }
  return false;
}

}  // namespace

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_number()) return value.is<double>() ? value.number() != 0 : value.integer() != 0;
  if (value.is_string()) return !value.text().empty();
  if (const Dict* dict = value.dict()) return dict->size() > 0;
  if (const Sequence* sequence = value.sequence()) {
    return sequence->kind == Sequence::Kind::kIterator || !sequence->items.empty();
  }
  return true;
}

bool are_equal(Run& run, const Value& a, const Value& b, int depth) {
  check_depth(depth);
  run.budget.step();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.is_string() && b.is_string()) {
    run.budget.work(std::min(a.text().size(), b.text().size()));
    return a.bytes() == b.bytes();
  }
  if (a.dict() && b.dict()) return are_equal(run, *a.dict(), *b.dict(), depth + 1);
  if (a.sequence() && b.sequence()) {
    return are_equal(run, *a.sequence(), *b.sequence(), depth + 1);
  }
  if (a.object() && b.object()) return a.object() == b.object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  if (a.is<double>() && b.is<double>()) return a.number() <=> b.number();
  if (a.is<double>()) return 0 <=> compare_integer(b.integer(), a.number());
  if (b.is<double>()) return compare_integer(a.integer(), b.number());
  if (a.integer() == b.integer()) return std::partial_ordering::equivalent;
  return a.integer() < b.integer() ? std::partial_ordering::less : std::partial_ordering::greater;
}

std::partial_ordering compare(Run& run, const Value& a, const Value& b, int depth) {
  check_depth(depth);
  run.budget.step();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.is_string() && b.is_string()) {
    run.budget.work(std::min(a.text().size(), b.text().size()));
    return a.bytes() <=> b.bytes();
  }
  run.require_defined(a);
  run.require_defined(b);
  const Sequence* left = a.sequence();
  const Sequence* right = b.sequence();
  if (left && right && left->kind == right->kind && left->kind <= Sequence::Kind::kTuple) {
    return compare(run, *left, *right, depth + 1);
  }
  fail("'{}' and '{}' have no order", type_name(a), type_name(b));
}

bool contains(Run& run, const Value& container, const Value& item) {
  if (container.is_undefined()) return false;
  if (container.is_string()) {
    if (!item.is_string()) fail("'in' on a string needs a string, not '{}'", type_name(item));
    run.budget.work(container.text().size());
    return find_text(container.bytes(), item.bytes()) != std::string_view::npos;
  }
  if (const Dict* dict = container.dict()) {
    check_key(run, item);
    return dict->find(item) != nullptr;
  }
  if (Sequence* sequence = container.sequence()) return contains(run, *sequence, item);
  fail("'{}' is not something to look 'in'", type_name(container));
}

bool are_same(Run& run, const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return &a.string() == &b.string() || are_equal(run, a, b);
  if (a.is<bool>() != b.is<bool>() || a.is<double>() != b.is<double>()) return false;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.dict() || b.dict()) return a.dict() == b.dict();
  if (a.sequence() || b.sequence()) return a.sequence() == b.sequence();
  if (a.object() || b.object()) return a.object() == b.object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

void check_key(Run& run, const Value& key, int depth) {
  check_depth(depth);
  run.budget.step();
  if (key.is_string()) run.budget.work(key.text().size());
  const Sequence* sequence = key.sequence();
  if (key.dict() || (sequence && sequence->kind != Sequence::Kind::kTuple)) {
    fail("unhashable type: '{}'", type_name(key));
  }
  if (!sequence) return;
  for (const Value& item : sequence->items) check_key(run, item, depth + 1);
}

}  // namespace linnet::jinja
