#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/jinja/run.hpp"

namespace linnet::jinja {

/// What a call passes.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// A function of ours: `subject` is what a filter is applied to, or what a method belongs to.
using Function = Value (*)(Run& run, const Value& subject, const Arguments& arguments);

/// Arguments by the names of the parameters.
class Parameters {
 public:
  /// A Failure that names `function` where arguments are unknown, too many, given twice, or fewer
  /// than the first `required`.
  Parameters(Run& run, const Arguments& arguments, std::string_view function,
             std::initializer_list<std::string_view> names, std::size_t required = 0);

  /// Null if the parameter was not given.
  const Value* operator[](std::size_t i) const { return values_[i]; }
  bool has(std::size_t i) const { return values_[i] != nullptr; }
  Value value(std::size_t i, const Value& otherwise = Undefined{}) const {
    return values_[i] ? *values_[i] : otherwise;
  }
  bool flag(std::size_t i, bool otherwise) const;
  /// A Failure if the value is not an integer; kept within 64 bits.
  std::int64_t integer(std::size_t i, std::int64_t otherwise) const;
  /// A Failure if the value is not a string.
  const Text& text(std::size_t i) const;
  /// True if the parameter was given and is not None.
  bool is_given(std::size_t i) const { return values_[i] && !values_[i]->is_none(); }

 private:
  Run& run_;
  std::string_view function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

/// Counts the texts that a filter or method is given: it may look at all of them.
void pay_for_texts(Run& run, const Value& subject, const Arguments& arguments);

/// A Failure if `arguments` is not empty.
void refuse_arguments(const Arguments& arguments, std::string_view function);

/// Calls any value; a Failure if it can't be called.
Value call(Run& run, const Value& callee, const Arguments& arguments);

}  // namespace linnet::jinja
