#pragma once

#include <span>

#include "chat/jinja/arguments.hpp"

namespace linnet::jinja {

struct NamedFunction {
  std::string_view name;
  Function function;
};

// The methods of Python's types, each in the file of its name.
std::span<const NamedFunction> text_methods();
std::span<const NamedFunction> list_methods();
std::span<const NamedFunction> tuple_methods();
std::span<const NamedFunction> dict_methods();

/// The method `name` of a string, list, tuple or dictionary; null if there is none.
const NamedFunction* find_method(const Value& value, std::string_view name);

Value call_method(Run& run, const NamedFunction& method, const Value& subject,
                  const Arguments& arguments);

/// `value.name`: a method before an entry of a dictionary. Undefined if there is neither; a
/// Failure if `value` is undefined.
Value get_attribute(Run& run, const Value& value, std::string_view name);
/// The same, but never an entry of a dictionary.
Value get_own_attribute(Run& run, const Value& value, std::string_view name);
/// `value[key]`: an entry before a method.
Value get_item(Run& run, const Value& value, const Value& key);
/// `value[start:stop:step]`; each may be None.
Value get_slice(Run& run, const Value& value, const Value& start, const Value& stop,
                const Value& step);
/// What filters mean by `attribute`: a number, or names and numbers with dots between them.
/// `otherwise` stands for a part that is missing, unless it is null.
Value get_path(Run& run, const Value& value, const Value& path, const Value* otherwise = nullptr);

/// All that a `for` loop over `value` would see; uses an iterator up. A Failure if `value` is
/// nothing to go through.
std::vector<Value> items_of(Run& run, const Value& value);

/// len(value).
std::size_t length_of(Run& run, const Value& value);

}  // namespace linnet::jinja
