#include <array>
#include <ctime>

#include "chat/jinja/access.hpp"
#include "chat/jinja/objects.hpp"

// The functions that every template can call.

namespace linnet::jinja {
namespace {

class FunctionObject final : public Object {
 public:
  explicit FunctionObject(const NamedFunction& function) : function_(function) {}
  std::string describe() const override { return fmt::format("<function {}>", function_.name); }
  bool is_callable() const override { return true; }
  Value call(Run& run, const Arguments& arguments) override {
    return function_.function(run, Undefined{}, arguments);
  }

 private:
  const NamedFunction& function_;
};

/// cycler(a, b): `next()` gives them by turns.
class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string describe() const override { return "<Cycler>"; }
  std::optional<Value> attribute(Run& run, std::string_view name) override;

  Value next() { return items_[std::exchange(at_, (at_ + 1) % items_.size())]; }
  Value reset() {
    at_ = 0;
    return None{};
  }

 private:
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

class CyclerMethod final : public Object {
 public:
  using Method = Value (Cycler::*)();
  CyclerMethod(Cycler& cycler, Method method) : cycler_(cycler), method_(method) {}
  std::string describe() const override { return "<bound method of Cycler>"; }
  bool is_callable() const override { return true; }
  Value call(Run&, const Arguments& arguments) override {
    refuse_arguments(arguments, "a method of cycler");
    return (cycler_.*method_)();
  }

 private:
  Cycler& cycler_;
  Method method_;
};

std::optional<Value> Cycler::attribute(Run& run, std::string_view name) {
  if (name == "current") return items_[at_];
  if (name != "next" && name != "reset") return std::nullopt;
  const auto method = name == "next" ? &Cycler::next : &Cycler::reset;
  return Value(run.object<CyclerMethod>(*this, method));
}

/// joiner(text): nothing when it is called first, the text from then on.
class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string describe() const override { return "<Joiner>"; }
  bool is_callable() const override { return true; }
  Value call(Run& run, const Arguments& arguments) override {
    refuse_arguments(arguments, "a joiner");
    return std::exchange(used_, true) ? separator_ : run.text("");
  }

 private:
  Value separator_;
  bool used_ = false;
};

constexpr std::int64_t kMaxRange = 100'000;  // that of Jinja2's sandbox

std::int64_t range_size(std::int64_t start, std::int64_t stop, std::int64_t step) {
  const Integer distance = step > 0 ? Integer{stop} - start : Integer{start} - stop;
  const Integer stride = step > 0 ? Integer{step} : -Integer{step};
  if (distance <= 0) return 0;
  const Integer size = (distance + stride - 1) / stride;
  if (size > kMaxRange) fail("a range has more than {} numbers", kMaxRange);
  return static_cast<std::int64_t>(size);
}

Value range(Run& run, const Value&, const Arguments& arguments) {
  const Parameters given(run, arguments, "range", {"start", "stop", "step"}, 1);
  const std::int64_t start = given.has(1) ? given.integer(0, 0) : 0;
  const std::int64_t stop = given.integer(given.has(1) ? 1 : 0, 0);
  const std::int64_t step = given.integer(2, 1);
  if (step == 0) fail("range() arg 3 must not be zero");
  std::vector<Value> numbers;
  const std::int64_t size = range_size(start, stop, step);
  for (std::int64_t i = 0; i < size; ++i) numbers.push_back(Integer{start} + Integer{step} * i);
  Value value = run.sequence(std::move(numbers), Sequence::Kind::kRange);
  value.sequence()->shown = step == 1 ? fmt::format("range({}, {})", start, stop)
                                      : fmt::format("range({}, {}, {})", start, stop, step);
  return value;
}

Dict* new_dict(Run& run, const Arguments& arguments, std::string_view function) {
  Dict* dict = run.dict();
  if (arguments.positional.size() > 1) fail("{}() takes at most one argument", function);
  for (const Value& from : arguments.positional) {
    if (const Dict* other = from.dict()) {
      for (const auto& [key, value] : other->entries()) run.set(*dict, key, value);
      continue;
    }
    for (const Value& item : items_of(run, from)) {
      const std::vector<Value> pair = items_of(run, item);
      if (pair.size() != 2) fail("{}() needs pairs", function);
      run.set(*dict, pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : arguments.keyword) run.set(*dict, run.text(name), value);
  return dict;
}

Value dict(Run& run, const Value&, const Arguments& arguments) {
  return new_dict(run, arguments, "dict");
}

Value make_namespace(Run& run, const Value&, const Arguments& arguments) {
  return run.object<Namespace>(new_dict(run, arguments, "namespace"));
}

Value cycler(Run& run, const Value&, const Arguments& arguments) {
  if (arguments.positional.empty()) fail("at least one item has to be provided");
  return run.object<Cycler>(arguments.positional);
}

Value joiner(Run& run, const Value&, const Arguments& arguments) {
  const Parameters given(run, arguments, "joiner", {"sep"});
  return run.object<Joiner>(given.value(0, run.text(", ")));
}

Value raise_exception(Run& run, const Value&, const Arguments& arguments) {
  const Parameters given(run, arguments, "raise_exception", {"message"}, 1);
  throw Failure{shortened(given.text(0).bytes(), kMostMessageBytes)};
}

// What Python's strftime and C's have in common; %f and its like differ.
void check_clock_format(std::string_view format) {
  for (std::size_t at = format.find('%'); at != std::string_view::npos;
       at = format.find('%', at + 1)) {
    ++at;
    if (at < format.size() && format[at] == '-') ++at;
    constexpr std::string_view kLetters = "aAbBcCdDeFgGhHIjklmMnprRsStTuUVwWxXyYzZ%";
    if (at >= format.size() || kLetters.find(format[at]) == std::string_view::npos) {
      fail("strftime_now: the format '{}' is not supported", format);
    }
  }
}

Value strftime_now(Run& run, const Value&, const Arguments& arguments) {
  const Parameters given(run, arguments, "strftime_now", {"format"}, 1);
  const std::string& format = given.text(0).bytes();
  if (format.empty()) return run.text("");
  if (format.size() > 1000) fail("strftime_now: the format is longer than 1000 bytes");
  check_clock_format(format);
  std::string buffer(64 * format.size() + 64, '\0');
  buffer.resize(std::strftime(buffer.data(), buffer.size(), format.c_str(), &run.now));
  return run.text(buffer);
}

constexpr std::array kFunctions = {
    NamedFunction{"cycler", cycler},
    NamedFunction{"dict", dict},
    NamedFunction{"joiner", joiner},
    NamedFunction{"namespace", make_namespace},
    NamedFunction{"raise_exception", raise_exception},
    NamedFunction{"range", range},
    NamedFunction{"strftime_now", strftime_now},
};

}  // namespace

void define_functions(Run& run) {
  for (const NamedFunction& function : kFunctions) {
    run.assign(function.name, run.object<FunctionObject>(function));
  }
}

}  // namespace linnet::jinja
