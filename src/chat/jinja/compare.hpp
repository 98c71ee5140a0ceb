#pragma once

#include <compare>

#include "chat/jinja/value.hpp"

namespace linnet::jinja {

/// bool(value).
bool is_true(const Value& value);

/// a == b, as Python has it.
bool are_equal(Run& run, const Value& a, const Value& b, int depth = 0);

/// The order of numbers, texts, lists or tuples; a Failure if Python has none for them.
std::partial_ordering compare(Run& run, const Value& a, const Value& b, int depth = 0);

/// Compares two numbers; exact also between integers and floating point.
std::partial_ordering compare_numbers(const Value& a, const Value& b);

/// `item in container`.
bool contains(Run& run, const Value& container, const Value& item);

/// `a is b`.
bool are_same(Run& run, const Value& a, const Value& b);

/// A Failure if `key` can't be the key of a dictionary.
void check_key(Run& run, const Value& key, int depth = 0);

}  // namespace linnet::jinja
