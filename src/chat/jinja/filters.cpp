#include "chat/jinja/filters.hpp"

#include <unordered_map>

namespace linnet::jinja {

Function find_filter(std::string_view name) {
  static const auto kFilters = [] {
    std::unordered_map<std::string_view, Function> table;
    for (const auto list : {text_filters(), number_filters(), sequence_filters(),
                            selection_filters(), markup_filters()}) {
      for (const NamedFunction& filter : list) table.emplace(filter.name, filter.function);
    }
    return table;
  }();
  const auto found = kFilters.find(name);
  return found == kFilters.end() ? nullptr : found->second;
}

Value apply_filter(Run& run, std::string_view name, const Value& subject,
                   const Arguments& arguments) {
  const Function filter = find_filter(name);
  if (!filter) fail("No filter named '{}'", name);
  pay_for_texts(run, subject, arguments);
  return filter(run, subject, arguments);
}

bool apply_test(Run& run, std::string_view name, const Value& subject, const Arguments& arguments) {
  const Test test = find_test(name);
  if (!test) fail("No test named '{}'", name);
  return test(run, subject, arguments);
}

}  // namespace linnet::jinja
