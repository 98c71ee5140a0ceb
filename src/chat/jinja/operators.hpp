#pragma once

#include "chat/jinja/run.hpp"

namespace linnet::jinja {

// Python's operators. Failures if it would raise an error, and where an integer leaves 128 bits.

Value add(Run& run, const Value& a, const Value& b);
Value subtract(Run& run, const Value& a, const Value& b);
Value multiply(Run& run, const Value& a, const Value& b);
Value divide(Run& run, const Value& a, const Value& b);
Value floor_divide(Run& run, const Value& a, const Value& b);
Value modulo(Run& run, const Value& a, const Value& b);  ///< also 'text %s' % value
Value power(Run& run, const Value& a, const Value& b);
Value negate(Run& run, const Value& a);
Value plus(Run& run, const Value& a);
Value logical_not(Run& run, const Value& a);

/// The text with & < > ' " as HTML writes them.
Text escape_html(Run& run, const Text& text);

}  // namespace linnet::jinja
