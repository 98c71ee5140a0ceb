#include <algorithm>
#include <array>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/filters.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/text_operations.hpp"

namespace linnet::jinja {
namespace {

using Kind = Sequence::Kind;

// What sorting and the like compare: an attribute of the item, texts without regard to case.
class Key {
 public:
  /// `attribute` may be null; `otherwise` stands for it where an item has none, unless it is null.
  Key(Run& run, const Value* attribute, bool case_sensitive, const Value* otherwise = nullptr)
      : run_(run), attribute_(attribute), case_sensitive_(case_sensitive), otherwise_(otherwise) {}

  Value operator()(const Value& item) const {
    Value key = attribute_ ? get_path(run_, item, *attribute_, otherwise_) : item;
    if (key.is_string() && !case_sensitive_) return run_.text(to_lower(run_, key.text()));
    return key;
  }

 private:
  Run& run_;
  const Value* attribute_;
  bool case_sensitive_;
  const Value* otherwise_;
};

struct Keyed {
  std::vector<Value> keys;  // several where sort() is given several attributes
  Value item;
};

bool is_less(Run& run, const std::vector<Value>& a, const std::vector<Value>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!are_equal(run, a[i], b[i])) return compare(run, a[i], b[i]) < 0;
  }
  return false;
}

// Python keeps equal items in order also if it sorts in reverse.
void sort_stably(Run& run, std::vector<Keyed>& items, bool reverse) {
  std::ranges::stable_sort(items, [&](const Keyed& a, const Keyed& b) {
    return reverse ? is_less(run, b.keys, a.keys) : is_less(run, a.keys, b.keys);
  });
}

Value items_only(Run& run, std::vector<Keyed> keyed) {
  std::vector<Value> items;
  for (Keyed& one : keyed) items.push_back(std::move(one.item));
  return run.sequence(std::move(items));
}

std::vector<Value> attributes_of(Run& run, const Value* attribute) {
  if (!attribute || attribute->is_none()) return {};
  if (!attribute->is_string()) return {*attribute};
  const Text comma(",", Origin::kTemplate);
  return split(run, *attribute, &comma, -1, /*from_right=*/false);
}

Value sort(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "sort", {"reverse", "case_sensitive", "attribute"});
  const std::vector<Value> attributes = attributes_of(run, given[2]);
  std::vector<Keyed> keyed;
  for (Value& item : items_of(run, subject)) {
    std::vector<Value> keys;
    if (attributes.empty()) keys.push_back(Key(run, nullptr, given.flag(1, false))(item));
    for (const Value& attribute : attributes) {
      keys.push_back(Key(run, &attribute, given.flag(1, false))(item));
    }
    keyed.push_back({std::move(keys), std::move(item)});
  }
  sort_stably(run, keyed, given.flag(0, false));
  return items_only(run, std::move(keyed));
}

Value dictsort(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "dictsort", {"case_sensitive", "by", "reverse"});
  run.require_defined(subject);
  if (!subject.dict()) fail("dictsort needs a dictionary, not '{}'", type_name(subject));
  const std::string by = given.has(1) ? given.text(1).bytes() : "key";
  if (by != "key" && by != "value") fail("You can only sort by either \"key\" or \"value\"");
  const Key key(run, nullptr, given.flag(0, false));
  std::vector<Keyed> keyed;
  for (const auto& [name, value] : subject.dict()->entries()) {
    keyed.push_back({{key(by == "key" ? name : value)}, run.sequence({name, value}, Kind::kTuple)});
  }
  sort_stably(run, keyed, given.flag(2, false));
  return items_only(run, std::move(keyed));
}

// A list of tuples, each of a value of the attribute and the items that have it.
Value group_by(Run& run, const Value& subject, const Arguments& arguments) {
  static constexpr std::array<std::string_view, 2> kNames = {"grouper", "list"};
  const Parameters given(run, arguments, "groupby", {"attribute", "default", "case_sensitive"}, 1);
  const Value* const otherwise = given.is_given(1) ? given[1] : nullptr;
  const Key key(run, given[0], given.flag(2, false), otherwise);
  std::vector<Keyed> keyed;
  for (Value& item : items_of(run, subject)) keyed.push_back({{key(item)}, std::move(item)});
  if (keyed.size() > 1) {
    for (const Keyed& one : keyed) run.require_defined(one.keys[0]);
  }
  sort_stably(run, keyed, /*reverse=*/false);
  std::vector<Value> groups;
  for (std::size_t begin = 0, end = 0; begin < keyed.size(); begin = end) {
    std::vector<Value> members;
    for (; end < keyed.size() && are_equal(run, keyed[end].keys[0], keyed[begin].keys[0]); ++end) {
      members.push_back(keyed[end].item);
    }
    // Texts that differ in case only are one group, with the name that the first one has.
    Value name = get_path(run, keyed[begin].item, *given[0], otherwise);
    groups.push_back(
        run.sequence({std::move(name), run.sequence(std::move(members))}, Kind::kTuple));
    groups.back().sequence()->names = kNames;
  }
  return run.sequence(std::move(groups));
}

Value unique(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "unique", {"case_sensitive", "attribute"});
  const Key key(run, given.is_given(1) ? given[1] : nullptr, given.flag(0, false));
  Dict* seen = run.dict();
  std::vector<Value> items;
  for (Value& item : items_of(run, subject)) {
    const std::size_t before = seen->size();
    run.set(*seen, key(item), None{});
    if (seen->size() > before) items.push_back(std::move(item));
  }
  return run.sequence(std::move(items), Kind::kIterator);
}

template <bool largest>
Value extreme(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "min", {"case_sensitive", "attribute"});
  const Key key(run, given.is_given(1) ? given[1] : nullptr, given.flag(0, false));
  const std::vector<Value> items = items_of(run, subject);
  if (items.empty()) return run.undefined("No aggregated item, sequence was empty.");
  std::size_t best = 0;
  Value best_key = key(items[0]);
  for (std::size_t i = 1; i < items.size(); ++i) {
    Value candidate = key(items[i]);
    const auto order = compare(run, candidate, best_key);
    if (largest ? order > 0 : order < 0) {
      best = i;
      best_key = std::move(candidate);
    }
  }
  return items[best];
}

Value sum(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "sum", {"attribute", "start"});
  Value total = given.value(1, 0);
  if (total.is_string()) fail("sum() can't sum strings");
  for (const Value& item : items_of(run, subject)) {
    total = add(run, total, given.is_given(0) ? get_path(run, item, *given[0]) : item);
  }
  return total;
}

Value length(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "length");
  return length_of(run, subject);
}

Value first(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "first");
  const std::vector<Value> items = items_of(run, subject);
  if (items.empty()) return run.undefined("No first item, sequence was empty.");
  return items.front();
}

void require_reversible(const Value& subject) {
  const Sequence* sequence = subject.sequence();
  if (sequence && sequence->kind == Kind::kIterator) fail("'generator' object is not reversible");
}

Value last(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "last");
  require_reversible(subject);
  const std::vector<Value> items = items_of(run, subject);
  if (items.empty()) return run.undefined("No last item, sequence was empty.");
  return items.back();
}

Value list(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "list");
  return run.sequence(items_of(run, subject));
}

Value items(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "items");
  if (subject.is_undefined()) return run.sequence({}, Kind::kIterator);
  if (!subject.dict()) fail("Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const auto& [key, value] : subject.dict()->entries()) {
    pairs.push_back(run.sequence({key, value}, Kind::kTuple));
  }
  return run.sequence(std::move(pairs), Kind::kIterator);
}

Value reverse(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "reverse");
  if (subject.is_string()) return get_slice(run, subject, None{}, None{}, -1);
  std::vector<Value> items = items_of(run, subject);
  std::ranges::reverse(items);
  const bool was_iterator = subject.sequence() && subject.sequence()->kind == Kind::kIterator;
  return run.sequence(std::move(items), was_iterator ? Kind::kList : Kind::kIterator);
}

Value batch(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "batch", {"linecount", "fill_with"}, 1);
  const auto size = static_cast<std::size_t>(std::max<std::int64_t>(given.integer(0, 1), 1));
  std::vector<Value> batches;
  std::vector<Value> line;
  for (Value& item : items_of(run, subject)) {
    if (line.size() == size) batches.push_back(run.sequence(std::exchange(line, {})));
    line.push_back(std::move(item));
  }
  if (!line.empty()) {
    if (given.is_given(1)) {
      run.budget.hold(sizeof(Value) * std::min<std::size_t>(size, std::size_t{1} << 40));
      line.resize(std::max(size, line.size()), *given[1]);
    }
    batches.push_back(run.sequence(std::move(line)));
  }
  return run.sequence(std::move(batches), Kind::kIterator);
}

Value slice(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "slice", {"slices", "fill_with"}, 1);
  const std::vector<Value> items = items_of(run, subject);
  const std::int64_t slices = given.integer(0, 1);
  if (slices == 0) fail("division by zero");
  std::vector<Value> result;
  std::size_t begin = 0;
  for (std::int64_t i = 0; i < slices; ++i) {
    const auto count = static_cast<std::size_t>(slices);
    const bool has_extra = static_cast<std::size_t>(i) < items.size() % count;
    const std::size_t end = begin + items.size() / count + (has_extra ? 1 : 0);
    std::vector<Value> part(items.begin() + static_cast<std::ptrdiff_t>(begin),
                            items.begin() + static_cast<std::ptrdiff_t>(end));
    if (given.is_given(1) && !has_extra) part.push_back(*given[1]);
    run.budget.step();
    result.push_back(run.sequence(std::move(part)));
    begin = end;
  }
  return run.sequence(std::move(result), Kind::kIterator);
}

constexpr std::array kFilters = {
    NamedFunction{"batch", batch},
    NamedFunction{"count", length},
    NamedFunction{"dictsort", dictsort},
    NamedFunction{"first", first},
    NamedFunction{"groupby", group_by},
    NamedFunction{"items", items},
    NamedFunction{"last", last},
    NamedFunction{"length", length},
    NamedFunction{"list", list},
    NamedFunction{"max", extreme<true>},
    NamedFunction{"min", extreme<false>},
    NamedFunction{"reverse", reverse},
    NamedFunction{"slice", slice},
    NamedFunction{"sort", sort},
    NamedFunction{"sum", sum},
    NamedFunction{"unique", unique},
};

}  // namespace

std::span<const NamedFunction> sequence_filters() { return kFilters; }

}  // namespace linnet::jinja
