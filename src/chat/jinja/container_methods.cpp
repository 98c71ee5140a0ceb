#include <algorithm>
#include <array>

#include "chat/jinja/access.hpp"
#include "chat/jinja/compare.hpp"

// The methods of list, tuple and dict.

namespace linnet::jinja {
namespace {

using Kind = Sequence::Kind;

// Hugging Face's sandbox refuses methods that change a value.
void require_mutation(const Run& run, std::string_view method, const Value& subject) {
  if (!run.allow_mutation) {
    fail("access to attribute '{}' of '{}' object is unsafe", method, type_name(subject));
  }
}

Value list_append(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "append", subject);
  const Parameters given(run, arguments, "append", {"object"}, 1);
  run.append(*subject.sequence(), *given[0]);
  return None{};
}

Value list_extend(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "extend", subject);
  const Parameters given(run, arguments, "extend", {"iterable"}, 1);
  for (Value& item : items_of(run, *given[0])) run.append(*subject.sequence(), std::move(item));
  return None{};
}

Value list_insert(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "insert", subject);
  const Parameters given(run, arguments, "insert", {"index", "object"}, 2);
  auto& items = subject.sequence()->items;
  const auto count = static_cast<std::int64_t>(items.size());
  const std::int64_t index = given.integer(0, 0);
  const std::int64_t place = std::clamp<std::int64_t>(index < 0 ? index + count : index, 0, count);
  run.append(*subject.sequence(), *given[1]);
  std::rotate(items.begin() + place, items.end() - 1, items.end());
  run.budget.step(count / 8);
  return None{};
}

Value list_pop(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "pop", subject);
  const Parameters given(run, arguments, "pop", {"index"});
  auto& items = subject.sequence()->items;
  const auto count = static_cast<std::int64_t>(items.size());
  std::int64_t index = given.integer(0, -1);
  if (index < 0) index += count;
  if (index < 0 || index >= count) fail("pop index out of range");
  Value value = items[static_cast<std::size_t>(index)];
  items.erase(items.begin() + index);
  run.budget.step((count - index) / 8);
  return value;
}

std::size_t index_in(Run& run, const Sequence& sequence, const Value& value) {
  std::size_t i = 0;
  while (i < sequence.items.size() && !are_equal(run, sequence.items[i], value)) ++i;
  return i;
}

Value list_remove(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "remove", subject);
  const Parameters given(run, arguments, "remove", {"value"}, 1);
  auto& items = subject.sequence()->items;
  const std::size_t index = index_in(run, *subject.sequence(), *given[0]);
  if (index == items.size()) fail("list.remove(x): x not in list");
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
  return None{};
}

Value list_reverse(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "reverse", subject);
  refuse_arguments(arguments, "reverse");
  run.budget.step(static_cast<std::int64_t>(subject.sequence()->items.size() / 8));
  std::ranges::reverse(subject.sequence()->items);
  return None{};
}

Value list_clear(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "clear", subject);
  refuse_arguments(arguments, "clear");
  subject.sequence()->items.clear();
  return None{};
}

Value list_copy(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "copy");
  return run.sequence(items_of(run, subject));
}

Value sequence_index(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "index", {"value"}, 1);
  const std::size_t index = index_in(run, *subject.sequence(), *given[0]);
  if (index == subject.sequence()->items.size()) fail("the value is not in the list");
  return index;
}

Value sequence_count(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "count", {"value"}, 1);
  std::size_t times = 0;
  for (const Value& item : subject.sequence()->items) times += are_equal(run, item, *given[0]);
  return times;
}

Value dict_get(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "get", {"key", "default"}, 1);
  check_key(run, *given[0]);
  const Value* found = subject.dict()->find(*given[0]);
  return found ? *found : given.value(1, None{});
}

template <Kind kind>
Value dict_view(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "items");
  std::vector<Value> items;
  run.budget.step(static_cast<std::int64_t>(subject.dict()->size()));
  for (const auto& [key, value] : subject.dict()->entries()) {
    if (kind == Kind::kKeys) items.push_back(key);
    if (kind == Kind::kValues) items.push_back(value);
    if (kind == Kind::kItems) items.push_back(run.sequence({key, value}, Kind::kTuple));
  }
  return run.sequence(std::move(items), kind);
}

Value dict_copy(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "copy");
  Dict* copy = run.dict();
  for (const auto& [key, value] : subject.dict()->entries()) run.set(*copy, key, value);
  return copy;
}

Value dict_update(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "update", subject);
  if (arguments.positional.size() > 1) fail("update() takes at most one dictionary");
  for (const Value& other : arguments.positional) {
    if (!other.dict()) fail("update() needs a dictionary, not '{}'", type_name(other));
    const std::vector<Dict::Entry> entries = other.dict()->entries();  // it may be this one
    run.budget.step(static_cast<std::int64_t>(entries.size()));
    for (const auto& [key, value] : entries) run.set(*subject.dict(), key, value);
  }
  for (const auto& [name, value] : arguments.keyword) {
    run.set(*subject.dict(), run.text(name), value);
  }
  return None{};
}

Value dict_setdefault(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "setdefault", subject);
  const Parameters given(run, arguments, "setdefault", {"key", "default"}, 1);
  check_key(run, *given[0]);
  if (const Value* found = subject.dict()->find(*given[0])) return *found;
  Value value = given.value(1, None{});
  run.set(*subject.dict(), *given[0], value);
  return value;
}

Value dict_pop(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "pop", subject);
  const Parameters given(run, arguments, "pop", {"key", "default"}, 1);
  check_key(run, *given[0]);
  run.budget.step(static_cast<std::int64_t>(subject.dict()->size()));
  if (auto value = subject.dict()->remove(*given[0])) return *value;
  if (!given.has(1)) fail("pop(): the dictionary has no such key");
  return *given[1];
}

Value dict_clear(Run& run, const Value& subject, const Arguments& arguments) {
  require_mutation(run, "clear", subject);
  refuse_arguments(arguments, "clear");
  subject.dict()->clear();
  return None{};
}

constexpr std::array kListMethods = {
    NamedFunction{"append", list_append}, NamedFunction{"clear", list_clear},
    NamedFunction{"copy", list_copy},     NamedFunction{"count", sequence_count},
    NamedFunction{"extend", list_extend}, NamedFunction{"index", sequence_index},
    NamedFunction{"insert", list_insert}, NamedFunction{"pop", list_pop},
    NamedFunction{"remove", list_remove}, NamedFunction{"reverse", list_reverse},
};
constexpr std::array kTupleMethods = {
    NamedFunction{"count", sequence_count},
    NamedFunction{"index", sequence_index},
};
constexpr std::array kDictMethods = {
    NamedFunction{"clear", dict_clear},
    NamedFunction{"copy", dict_copy},
    NamedFunction{"get", dict_get},
    NamedFunction{"items", dict_view<Kind::kItems>},
    NamedFunction{"keys", dict_view<Kind::kKeys>},
    NamedFunction{"pop", dict_pop},
    NamedFunction{"setdefault", dict_setdefault},
    NamedFunction{"update", dict_update},
    NamedFunction{"values", dict_view<Kind::kValues>},
};

}  // namespace

std::span<const NamedFunction> list_methods() { return kListMethods; }
std::span<const NamedFunction> tuple_methods() { return kTupleMethods; }
std::span<const NamedFunction> dict_methods() { return kDictMethods; }

}  // namespace linnet::jinja
