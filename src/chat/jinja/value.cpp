#include "chat/jinja/value.hpp"

#include <algorithm>

#include "chat/jinja/compare.hpp"

namespace linnet::jinja {
namespace {

int rank(const Value& key) {
  if (key.is_number()) return 0;
  if (key.is_string()) return 1;
  if (key.is_none()) return 2;
  if (key.is_undefined()) return 3;
  return key.sequence() ? 4 : 5;
}

// Keys are compared in a map: no budget is at hand, check_key has paid.
bool numbers_less(const Value& a, const Value& b) {
  const auto order = compare_numbers(a, b);
  if (order != std::partial_ordering::unordered) return order < 0;
  const auto is_nan = [](const Value& v) { return v.is<double>() && v.number() != v.number(); };
  return is_nan(a) && !is_nan(b);
}

}  // namespace

bool KeyLess::operator()(const Value& a, const Value& b) const {
  const int kind = rank(a);
  if (kind != rank(b)) return kind < rank(b);
  if (kind == 0) return numbers_less(a, b);
  if (kind == 1) return a.bytes() < b.bytes();
  if (kind == 4) {
    return std::ranges::lexicographical_compare(a.sequence()->items, b.sequence()->items,
                                                KeyLess{});
  }
  return kind == 5 && std::less<>{}(a.object(), b.object());
}

const Value* Dict::find(const Value& key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Value* Dict::find(std::string_view key) const {
  return find(Value(
      std::make_shared<const String>(Text(std::string(key), Origin::kTemplate), false, nullptr)));
}

bool Dict::set(const Value& key, Value value) {
  const auto [place, is_new] = index_.try_emplace(key, entries_.size());
  if (is_new) {
    entries_.emplace_back(key, std::move(value));
  } else {
    entries_[place->second].second = std::move(value);
  }
  return is_new;
}

std::optional<Value> Dict::remove(const Value& key) {
  const auto place = index_.find(key);
  if (place == index_.end()) return std::nullopt;
  const std::size_t position = place->second;
  Value value = std::move(entries_[position].second);
  index_.erase(place);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(position));
  for (auto& [unused, at] : index_) at -= at > position;
  return value;
}

void Dict::clear() {
  entries_.clear();
  index_.clear();
}

std::optional<Value> Object::attribute(Run&, std::string_view) { return std::nullopt; }
bool Object::set_attribute(Run&, std::string_view, const Value&) { return false; }
Value Object::call(Run&, const Arguments&) { fail("'{}' is not callable", describe()); }

std::string_view type_name(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "NoneType";
  if (value.is<bool>()) return "bool";
  if (value.is<Integer>()) return "int";
  if (value.is<double>()) return "float";
  if (value.is_string()) return value.is_markup() ? "Markup" : "str";
  if (value.dict()) return "dict";
  if (value.object()) return "object";
  constexpr std::string_view kNames[] = {"list",        "tuple",      "range",    "dict_keys",
                                         "dict_values", "dict_items", "generator"};
  return kNames[static_cast<int>(value.sequence()->kind)];
}

}  // namespace linnet::jinja
