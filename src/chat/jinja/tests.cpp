#include <unordered_map>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/filters.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/print.hpp"
#include "chat/jinja/unicode.hpp"

// Jinja2's tests: what may stand after `is`.

namespace linnet::jinja {
namespace {

// A test that asks the value alone.
template <bool (*holds)(const Value&)>
bool simple(Run&, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a test");
  return holds(subject);
}

bool is_defined(const Value& v) { return !v.is_undefined(); }
bool is_undefined(const Value& v) { return v.is_undefined(); }
bool is_none(const Value& v) { return v.is_none(); }
bool is_boolean(const Value& v) { return v.is<bool>(); }
bool is_exactly_true(const Value& v) { return v.is<bool>() && v.as<bool>(); }
bool is_exactly_false(const Value& v) { return v.is<bool>() && !v.as<bool>(); }
bool is_integer(const Value& v) { return v.is<Integer>(); }
bool is_float(const Value& v) { return v.is<double>(); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_string(const Value& v) { return v.is_string(); }
bool is_mapping(const Value& v) { return v.dict() != nullptr; }
bool is_escaped(const Value& v) { return v.is_markup(); }

// Undefined has every method in Python; asked whether it has them, it says yes.
bool is_sequence(const Value& v) {
  const bool indexed = v.sequence() && v.sequence()->is_indexed();
  return v.is_undefined() || v.is_string() || v.dict() || indexed;
}
bool is_iterable(const Value& v) {
  return v.is_undefined() || v.is_string() || v.dict() || v.sequence();
}
bool is_callable(const Value& v) {
  return v.is_undefined() || (v.object() && v.object()->is_callable());
}

using Order = bool (*)(std::partial_ordering);
template <Order holds>
bool ordered(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "a comparison", {"other"}, 1);
  return holds(compare(run, subject, *given[0]));
}

bool equal(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "eq", {"other"}, 1);
  return are_equal(run, subject, *given[0]);
}
bool not_equal(Run& run, const Value& subject, const Arguments& arguments) {
  return !equal(run, subject, arguments);
}

bool same_as(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "sameas", {"other"}, 1);
  return are_same(run, subject, *given[0]);
}

bool in(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "in", {"seq"}, 1);
  return contains(run, *given[0], subject);
}

bool divisible_by(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "divisibleby", {"num"}, 1);
  const Value rest = modulo(run, subject, *given[0]);
  return rest.is_number() && rest.number() == 0;
}

template <int parity>
bool has_parity(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a test");
  const Value rest = modulo(run, subject, 2);
  return rest.is_number() && rest.number() == parity;
}

template <bool (*other)(char32_t)>
bool has_case(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a test");
  const Text text = to_text(run, subject);
  run.budget.work(text.size());
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text.bytes(), at);
    if (other(character.value)) return false;
    any = any || is_cased(character.value);
    at += character.bytes;
  }
  return any;
}

template <auto find>
bool is_name_of(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a test");
  if (!subject.is_string()) return false;
  run.budget.work(subject.text().size());
  return find(subject.bytes()) != nullptr;
}

bool less(std::partial_ordering o) { return o < 0; }
bool less_equal(std::partial_ordering o) { return o <= 0; }
bool greater(std::partial_ordering o) { return o > 0; }
bool greater_equal(std::partial_ordering o) { return o >= 0; }

}  // namespace

Test find_test(std::string_view name) {
  static const std::unordered_map<std::string_view, Test> kTests = {
      {"boolean", simple<is_boolean>},
      {"callable", simple<is_callable>},
      {"defined", simple<is_defined>},
      {"divisibleby", divisible_by},
      {"escaped", simple<is_escaped>},
      {"even", has_parity<0>},
      {"false", simple<is_exactly_false>},
      {"filter", is_name_of<find_filter>},
      {"float", simple<is_float>},
      {"in", in},
      {"integer", simple<is_integer>},
      {"iterable", simple<is_iterable>},
      {"lower", has_case<is_upper>},
      {"mapping", simple<is_mapping>},
      {"none", simple<is_none>},
      {"number", simple<is_number>},
      {"odd", has_parity<1>},
      {"sameas", same_as},
      {"sequence", simple<is_sequence>},
      {"string", simple<is_string>},
      {"test", is_name_of<find_test>},
      {"true", simple<is_exactly_true>},
      {"undefined", simple<is_undefined>},
      {"upper", has_case<is_lower>},
      {"==", equal},
      {"eq", equal},
      {"equalto", equal},
      {"!=", not_equal},
      {"ne", not_equal},
      {"<", ordered<less>},
      {"lt", ordered<less>},
      {"lessthan", ordered<less>},
      {"<=", ordered<less_equal>},
      {"le", ordered<less_equal>},
      {">", ordered<greater>},
      {"gt", ordered<greater>},
      {"greaterthan", ordered<greater>},
      {">=", ordered<greater_equal>},
      {"ge", ordered<greater_equal>},
  };
  const auto found = kTests.find(name);
  return found == kTests.end() ? nullptr : found->second;
}

}  // namespace linnet::jinja
