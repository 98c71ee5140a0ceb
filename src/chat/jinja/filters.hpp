#pragma once

#include <span>

#include "chat/jinja/access.hpp"

namespace linnet::jinja {

// Jinja2's filters, by what they work on; each list in the file of its name.
std::span<const NamedFunction> text_filters();
std::span<const NamedFunction> number_filters();
std::span<const NamedFunction> sequence_filters();
std::span<const NamedFunction> selection_filters();
std::span<const NamedFunction> markup_filters();

/// Null if there is no such filter.
Function find_filter(std::string_view name);

using Test = bool (*)(Run& run, const Value& subject, const Arguments& arguments);

/// What may stand after `is`. Null if there is no such test.
Test find_test(std::string_view name);

/// The filter `name` applied to `subject`; a Failure if there is none.
Value apply_filter(Run& run, std::string_view name, const Value& subject,
                   const Arguments& arguments);
bool apply_test(Run& run, std::string_view name, const Value& subject, const Arguments& arguments);

}  // namespace linnet::jinja
