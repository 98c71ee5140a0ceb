#include <array>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/filters.hpp"
#include "chat/jinja/print.hpp"

// attr, map, select, reject and their forms for attributes. Python's are lazy; ours do all at once.

namespace linnet::jinja {
namespace {

Value iterator(Run& run, std::vector<Value> items) {
  return run.sequence(std::move(items), Sequence::Kind::kIterator);
}

std::string filter_or_test_name(const Value& name) {
  if (!name.is_string()) fail("a filter or test is named by a string, not '{}'", type_name(name));
  return std::string(name.bytes());
}

Arguments without_first(const Arguments& arguments, std::size_t count) {
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<std::ptrdiff_t>(count));
  return rest;
}

Value attr(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "attr", {"name"}, 1);
  return get_own_attribute(run, subject, to_text(run, *given[0]).bytes());
}

Value map_attribute(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "map", {"attribute", "default"}, 1);
  std::vector<Value> mapped;
  for (const Value& item : items_of(run, subject)) {
    mapped.push_back(get_path(run, item, *given[0], given.is_given(1) ? given[1] : nullptr));
  }
  return iterator(run, std::move(mapped));
}

Value map(Run& run, const Value& subject, const Arguments& arguments) {
  if (!is_true(subject)) return iterator(run, {});
  if (arguments.positional.empty()) {
    if (arguments.keyword.empty()) fail("map requires a filter argument");
    return map_attribute(run, subject, arguments);
  }
  const std::string name = filter_or_test_name(arguments.positional[0]);
  const Arguments rest = without_first(arguments, 1);
  std::vector<Value> mapped;
  for (const Value& item : items_of(run, subject)) {
    mapped.push_back(apply_filter(run, name, item, rest));
  }
  return iterator(run, std::move(mapped));
}

// by_attribute: the first argument is what the test is applied to. keeps: what it finds true stays.
template <bool by_attribute, bool keeps>
Value filter_items(Run& run, const Value& subject, const Arguments& arguments) {
  if (!is_true(subject)) return iterator(run, {});
  constexpr std::size_t kName = by_attribute ? 1 : 0;
  if (arguments.positional.size() < kName) fail("Missing parameter for attribute name");
  const bool has_test = arguments.positional.size() > kName;
  const std::string name = has_test ? filter_or_test_name(arguments.positional[kName]) : "";
  const Arguments rest = has_test ? without_first(arguments, kName + 1) : Arguments{};
  std::vector<Value> kept;
  for (Value& item : items_of(run, subject)) {
    const Value value = by_attribute ? get_path(run, item, arguments.positional[0]) : item;
    const bool holds = has_test ? apply_test(run, name, value, rest) : is_true(value);
    if (holds == keeps) kept.push_back(std::move(item));
  }
  return iterator(run, std::move(kept));
}

constexpr std::array kFilters = {
    NamedFunction{"attr", attr},
    NamedFunction{"map", map},
    NamedFunction{"reject", filter_items<false, false>},
    NamedFunction{"rejectattr", filter_items<true, false>},
    NamedFunction{"select", filter_items<false, true>},
    NamedFunction{"selectattr", filter_items<true, true>},
};

}  // namespace

std::span<const NamedFunction> selection_filters() { return kFilters; }

}  // namespace linnet::jinja
