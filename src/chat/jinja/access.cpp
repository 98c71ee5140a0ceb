#include "chat/jinja/access.hpp"

#include <algorithm>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

// A method with the value that it belongs to: 'a'.upper without a call.
class BoundMethod final : public Object {
 public:
  BoundMethod(Value subject, const NamedFunction& method)
      : subject_(std::move(subject)), method_(method) {}
  std::string describe() const override {
    return fmt::format("<built-in method {} of {} object>", method_.name, type_name(subject_));
  }
  bool is_callable() const override { return true; }
  Value call(Run& run, const Arguments& arguments) override {
    return call_method(run, method_, subject_, arguments);
  }

 private:
  Value subject_;
  const NamedFunction& method_;
};

std::optional<Value> named_item_of(const Value& value, std::string_view name) {
  const Sequence* sequence = value.sequence();
  if (!sequence) return std::nullopt;
  const auto found = std::ranges::find(sequence->names, name);
  if (found == sequence->names.end()) return std::nullopt;
  return sequence->items[static_cast<std::size_t>(found - sequence->names.begin())];
}

// What Python's getattr() would find; entries of dictionaries are not among it.
std::optional<Value> attribute_of(Run& run, const Value& value, std::string_view name) {
  if (Object* object = value.object()) return object->attribute(run, name);
  const NamedFunction* method = find_method(value, name);
  if (!method) return named_item_of(value, name);
  return Value(run.object<BoundMethod>(value, *method));
}

std::optional<Value> character_of(Run& run, const Value& value, Integer index) {
  const std::string_view bytes = value.bytes();
  run.budget.work(bytes.size());
  const auto count = static_cast<Integer>(count_characters(bytes));
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  const std::size_t begin = byte_of_character(bytes, static_cast<std::size_t>(index));
  return run.text(value.text().slice(begin, begin + character_at(bytes, begin).bytes),
                  value.is_markup());
}

std::optional<Value> element_of(Run& run, const Value& value, const Value& key) {
  if (const Dict* dict = value.dict()) {
    if (key.dict() || (key.sequence() && key.sequence()->kind != Sequence::Kind::kTuple)) {
      return std::nullopt;
    }
    check_key(run, key);
    const Value* found = dict->find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (!key.is_integral()) return std::nullopt;
  if (value.is_string()) return character_of(run, value, key.integer());
  const Sequence* sequence = value.sequence();
  if (!sequence || !sequence->is_indexed()) return std::nullopt;
  const auto count = static_cast<Integer>(sequence->items.size());
  const Integer index = key.integer() < 0 ? key.integer() + count : key.integer();
  if (index < 0 || index >= count) return std::nullopt;
  return sequence->items[static_cast<std::size_t>(index)];
}

Value missing(Run& run, const Value& value, std::string_view what) {
  return run.undefined(fmt::format("'{} object' has no attribute '{}'", type_name(value),
                                   what.substr(0, byte_of_character(what, 100))));
}

// The positions that Python's slice(start, stop, step) stands for in `count` elements.
struct Positions {
  std::int64_t start, stop, step;
};

std::int64_t slice_bound(Run& run, const Value& value, std::int64_t otherwise, std::int64_t count,
                         bool backwards) {
  if (value.is_none()) return otherwise;
  run.require_defined(value);
  if (!value.is_integral()) fail("slice indices must be integers or None");
  const Integer index = value.integer() < 0 ? value.integer() + count : value.integer();
  const Integer least = backwards ? -1 : 0;
  const Integer most = backwards ? count - 1 : count;
  return static_cast<std::int64_t>(std::clamp(index, least, std::max(least, most)));
}

Positions resolve_slice(Run& run, const Value& start, const Value& stop, const Value& step,
                        std::size_t size) {
  const auto count = static_cast<std::int64_t>(size);
  std::int64_t stride = 1;
  if (!step.is_none()) {
    run.require_defined(step);
    if (!step.is_integral()) fail("slice indices must be integers or None");
    const Integer most = count + 1;
    stride = static_cast<std::int64_t>(std::clamp(step.integer(), -most, most));
  }
  if (stride == 0) fail("slice step cannot be zero");
  const bool backwards = stride < 0;
  return {slice_bound(run, start, backwards ? count - 1 : 0, count, backwards),
          slice_bound(run, stop, backwards ? -1 : count, count, backwards), stride};
}

template <class Visit>
void for_each_position(const Positions& positions, Visit visit) {
  const auto [start, stop, step] = positions;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
    visit(static_cast<std::size_t>(i));
  }
}

Value slice_text(Run& run, const Value& value, const Value& start, const Value& stop,
                 const Value& step) {
  const Text& text = value.text();
  run.budget.work(text.size());
  const Positions at = resolve_slice(run, start, stop, step, count_characters(text.bytes()));
  if (at.step == 1) {
    const std::size_t begin = byte_of_character(text.bytes(), static_cast<std::size_t>(at.start));
    const std::size_t end = byte_of_character(text.bytes(), static_cast<std::size_t>(at.stop));
    return run.text(text.slice(begin, std::max(begin, end)), value.is_markup());
  }
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < text.size(); i += character_at(text.bytes(), i).bytes) {
    begins.push_back(i);
  }
  begins.push_back(text.size());
  TextBuilder out(run.budget);
  for_each_position(at, [&](std::size_t i) { out.append(text, begins[i], begins[i + 1]); });
  return run.text(out.take(), value.is_markup());
}

std::vector<Value> characters_of(Run& run, const Value& value) {
  const Text& text = value.text();
  run.budget.step(static_cast<std::int64_t>(text.size()));
  std::vector<Value> characters;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at + character_at(text.bytes(), at).bytes;
    characters.push_back(run.text(text.slice(at, end)));  // also of markup
    at = end;
  }
  return characters;
}

}  // namespace

const NamedFunction* find_method(const Value& value, std::string_view name) {
  std::span<const NamedFunction> methods;
  if (value.is_string()) methods = text_methods();
  if (value.dict()) methods = dict_methods();
  if (const Sequence* sequence = value.sequence()) {
    if (sequence->kind == Sequence::Kind::kList) methods = list_methods();
    if (sequence->kind == Sequence::Kind::kTuple) methods = tuple_methods();
  }
  const auto found = std::ranges::find(methods, name, &NamedFunction::name);
  return found == methods.end() ? nullptr : &*found;
}

Value call_method(Run& run, const NamedFunction& method, const Value& subject,
                  const Arguments& arguments) {
  pay_for_texts(run, subject, arguments);
  return method.function(run, subject, arguments);
}

Value get_attribute(Run& run, const Value& value, std::string_view name) {
  run.require_defined(value);
  if (auto attribute = attribute_of(run, value, name)) return *attribute;
  if (const Dict* dict = value.dict()) {
    if (const Value* entry = dict->find(name)) return *entry;
  }
  return missing(run, value, name);
}

Value get_own_attribute(Run& run, const Value& value, std::string_view name) {
  run.require_defined(value);
  auto attribute = attribute_of(run, value, name);
  return attribute ? *attribute : missing(run, value, name);
}

Value get_item(Run& run, const Value& value, const Value& key) {
  run.require_defined(value);
  if (auto element = element_of(run, value, key)) return *element;
  if (!key.is_string()) return run.undefined("an element is undefined");
  if (auto attribute = attribute_of(run, value, key.bytes())) return *attribute;
  return missing(run, value, key.bytes());
}

Value get_slice(Run& run, const Value& value, const Value& start, const Value& stop,
                const Value& step) {
  run.require_defined(value);
  if (value.is_string()) return slice_text(run, value, start, stop, step);
  const Sequence* sequence = value.sequence();
  if (!sequence || !sequence->is_indexed()) {
    fail("'{}' object is not subscriptable", type_name(value));
  }
  std::vector<Value> items;
  const Positions at = resolve_slice(run, start, stop, step, sequence->items.size());
  for_each_position(at, [&](std::size_t i) { items.push_back(sequence->items[i]); });
  return run.sequence(std::move(items), sequence->kind == Sequence::Kind::kTuple
                                            ? Sequence::Kind::kTuple
                                            : Sequence::Kind::kList);
}

Value get_path(Run& run, const Value& value, const Value& path, const Value* otherwise) {
  const auto part_of = [&](const Value& object, const Value& key) {
    const Value found = get_item(run, object, key);
    return found.is_undefined() && otherwise ? *otherwise : found;
  };
  if (!path.is_string()) return part_of(value, path);
  Value found = value;
  std::string_view rest = path.bytes();
  while (true) {
    const std::size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool is_number = !part.empty() && part.size() < 10 &&
                           part.find_first_not_of("0123456789") == std::string_view::npos;
    found = part_of(found, is_number ? Value(std::stoi(std::string(part))) : run.text(part));
    if (dot == std::string_view::npos) return found;
    rest.remove_prefix(dot + 1);
  }
}

std::vector<Value> items_of(Run& run, const Value& value) {
  if (value.is_undefined()) return {};
  if (value.is_string()) return characters_of(run, value);
  if (const Dict* dict = value.dict()) {
    run.budget.step(static_cast<std::int64_t>(dict->size()));
    std::vector<Value> keys;
    for (const auto& [key, unused] : dict->entries()) keys.push_back(key);
    return keys;
  }
  Sequence* sequence = value.sequence();
  if (!sequence) fail("'{}' object is not iterable", type_name(value));
  run.budget.step(static_cast<std::int64_t>(sequence->items.size()));
  const auto first = sequence->items.begin() + static_cast<std::ptrdiff_t>(sequence->next);
  std::vector<Value> items(first, sequence->items.end());
  if (sequence->kind == Sequence::Kind::kIterator) sequence->next = sequence->items.size();
  return items;
}

std::size_t length_of(Run& run, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_string()) {
    run.budget.work(value.text().size());
    return count_characters(value.bytes());
  }
  if (const Dict* dict = value.dict()) return dict->size();
  const Sequence* sequence = value.sequence();
  if (!sequence || sequence->kind == Sequence::Kind::kIterator) {
    fail("object of type '{}' has no len()", type_name(value));
  }
  return sequence->items.size();
}

}  // namespace linnet::jinja
