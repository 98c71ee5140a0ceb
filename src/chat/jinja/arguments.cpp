#include "chat/jinja/arguments.hpp"

#include <algorithm>
#include <limits>

#include "chat/jinja/compare.hpp"

namespace linnet::jinja {

Parameters::Parameters(Run& run, const Arguments& arguments, std::string_view function,
                       std::initializer_list<std::string_view> names, std::size_t required)
    : run_(run), function_(function), names_(names), values_(names.size(), nullptr) {
  if (arguments.positional.size() > names_.size()) {
    fail("{}() takes at most {} arguments, got {}", function, names_.size(),
         arguments.positional.size());
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.keyword) {
    const auto place = std::ranges::find(names_, name);
    if (place == names_.end()) fail("{}() has no parameter '{}'", function, name);
    const Value*& slot = values_[static_cast<std::size_t>(place - names_.begin())];
    if (slot) fail("{}() got its argument '{}' twice", function, name);
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (!values_[i]) fail("{}() needs its argument '{}'", function, names_[i]);
  }
}

bool Parameters::flag(std::size_t i, bool otherwise) const {
  return values_[i] ? is_true(*values_[i]) : otherwise;
}

std::int64_t Parameters::integer(std::size_t i, std::int64_t otherwise) const {
  if (!values_[i]) return otherwise;
  run_.require_defined(*values_[i]);
  if (!values_[i]->is_integral()) {
    fail("{}() needs an integer as '{}', not '{}'", function_, names_[i], type_name(*values_[i]));
  }
  constexpr Integer kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(values_[i]->integer(), -kMost, kMost));
}

const Text& Parameters::text(std::size_t i) const {
  run_.require_defined(*values_[i]);
  if (!values_[i]->is_string()) {
    fail("{}() needs a string as '{}', not '{}'", function_, names_[i], type_name(*values_[i]));
  }
  return values_[i]->text();
}

void pay_for_texts(Run& run, const Value& subject, const Arguments& arguments) {
  const auto pay_for = [&](const Value& value) {
    if (value.is_string()) run.budget.work(value.text().size());
  };
  pay_for(subject);
  for (const Value& value : arguments.positional) pay_for(value);
  for (const auto& [unused, value] : arguments.keyword) pay_for(value);
}

void refuse_arguments(const Arguments& arguments, std::string_view function) {
  if (!arguments.positional.empty() || !arguments.keyword.empty()) {
    fail("{}() takes no arguments", function);
  }
}

Value call(Run& run, const Value& callee, const Arguments& arguments) {
  run.require_defined(callee);
  Object* object = callee.object();
  if (!object || !object->is_callable()) fail("'{}' is not callable", type_name(callee));
  return object->call(run, arguments);
}

}  // namespace linnet::jinja
