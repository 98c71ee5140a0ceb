#pragma once

#include <concepts>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "chat/jinja/budget.hpp"
#include "chat/jinja/text.hpp"

namespace linnet::jinja {

class Run;
class Value;
class Dict;
class Object;
struct Sequence;
struct Arguments;

/// Python's integers have no bounds; these hold every 64-bit one, and overflow is a Failure.
__extension__ using Integer = __int128;

/// What a name or member without a value gives. `message` says what was missing, for where it is
/// used in a way that needs a value; null if nobody said.
struct Undefined {
  const std::string* message = nullptr;
};
struct None {};

/// A text value; `markup` is set by the filters `safe` and `escape`, and makes `+` escape the other
/// side as Markup does.
struct String {
  String(Text content, bool is_markup, Budget* account)
      : text(std::move(content)), markup(is_markup), budget(account) {}
  ~String() {
    if (budget) budget->release(memory());
  }
  String(const String&) = delete;
  String& operator=(const String&) = delete;

  /// With one value that refers to it.
  std::size_t memory() const;

  Text text;
  bool markup;
  Budget* budget;  // holds memory() of it; null for the template's literals
};

/// A value of a template. Texts are shared; containers and objects belong to the Run and live as
/// long as it does.
class Value {
 public:
  using Data = std::variant<Undefined, None, bool, Integer, double, std::shared_ptr<const String>,
                            Sequence*, Dict*, Object*>;

  Value() = default;
  // NOLINTBEGIN: implicit on purpose
  template <std::same_as<bool> T>
  Value(T data) : data_(data) {}
  Value(Undefined data) : data_(data) {}
  Value(None data) : data_(data) {}
  Value(Integer data) : data_(data) {}
  Value(int data) : data_(Integer{data}) {}
  Value(std::size_t data) : data_(static_cast<Integer>(data)) {}
  Value(double data) : data_(data) {}
  Value(std::shared_ptr<const String> data) : data_(std::move(data)) {}
  Value(Sequence* data) : data_(data) {}
  Value(Dict* data) : data_(data) {}
  Value(Object* data) : data_(data) {}
  // NOLINTEND

  template <class T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }
  template <class T>
  const T& as() const {
    return *std::get_if<T>(&data_);
  }

  bool is_undefined() const { return is<Undefined>(); }
  bool is_none() const { return is<None>(); }
  bool is_string() const { return is<std::shared_ptr<const String>>(); }
  bool is_markup() const { return is_string() && string().markup; }
  bool is_integral() const { return is<Integer>() || is<bool>(); }
  bool is_number() const { return is_integral() || is<double>(); }

  const String& string() const { return *as<std::shared_ptr<const String>>(); }
  const Text& text() const { return string().text; }
  std::string_view bytes() const { return text().bytes(); }
  /// The value of an integer or a boolean.
  Integer integer() const { return is<bool>() ? Integer{as<bool>()} : as<Integer>(); }
  /// The value of any number.
  double number() const { return is<double>() ? as<double>() : static_cast<double>(integer()); }
  /// The sequence, dictionary or object; null if the value is something else.
  Sequence* sequence() const { return is<Sequence*>() ? as<Sequence*>() : nullptr; }
  Dict* dict() const { return is<Dict*>() ? as<Dict*>() : nullptr; }
  Object* object() const { return is<Object*>() ? as<Object*>() : nullptr; }

 private:
  Data data_;
};

inline std::size_t String::memory() const { return sizeof(String) + sizeof(Value) + text.memory(); }

/// A list, or what Python has besides it that is gone through in order. Iterators are made with
/// all their items at once, and give each only once.
struct Sequence {
  enum class Kind { kList, kTuple, kRange, kKeys, kValues, kItems, kIterator };

  bool is_indexed() const { return kind <= Kind::kRange; }

  Kind kind;
  std::vector<Value> items;
  std::size_t next = 0;  // of an iterator: the first item that it has not given yet
  std::string shown;     // of a range: how it prints
  std::span<const std::string_view> names{};  // of a named tuple: those of its items
};

/// Orders keys so that those equal in Python (1, 1.0 and true) are one.
struct KeyLess {
  bool operator()(const Value& a, const Value& b) const;
};

/// A dictionary in the order of insertion.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  /// Null if there is no such key. `key` must have passed check_key.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  /// True if the key is new. `key` must have passed check_key.
  bool set(const Value& key, Value value);
  std::optional<Value> remove(const Value& key);
  void clear();

 private:
  std::vector<Entry> entries_;
  std::map<Value, std::size_t, KeyLess> index_;
};

/// Everything with behaviour of its own: functions, macros, namespaces, the loop variable.
class Object {
 public:
  virtual ~Object() = default;
  /// As Python would print it, without the attributes.
  virtual std::string describe() const = 0;
  /// What is printed with it; null for most.
  virtual const Dict* shown_attributes() const { return nullptr; }
  virtual std::optional<Value> attribute(Run& run, std::string_view name);
  /// False if attributes cannot be set.
  virtual bool set_attribute(Run& run, std::string_view name, const Value& value);
  virtual bool is_callable() const { return false; }
  virtual Value call(Run& run, const Arguments& arguments);
};

/// "str", "list", "int": the name of the type in Python.
std::string_view type_name(const Value& value);

}  // namespace linnet::jinja
