#include "chat/jinja/objects.hpp"

#include <algorithm>

#include "chat/jinja/compare.hpp"

namespace linnet::jinja {
namespace {

// loop.cycle and loop.changed without a call.
class LoopMethod final : public Object {
 public:
  LoopMethod(Loop& loop, bool is_cycle) : loop_(loop), is_cycle_(is_cycle) {}
  std::string describe() const override { return "<bound method of LoopContext>"; }
  bool is_callable() const override { return true; }
  Value call(Run& run, const Arguments& arguments) override {
    return is_cycle_ ? loop_.cycle(arguments) : loop_.changed(run, arguments);
  }

 private:
  Loop& loop_;
  bool is_cycle_;
};

auto names_it(std::string_view name) {
  return [name](const MacroDefinition::Parameter& parameter) { return parameter.name == name; };
}

}  // namespace

std::optional<Value> Namespace::attribute(Run&, std::string_view name) {
  const Value* found = attributes_->find(name);
  return found ? std::optional(*found) : std::nullopt;
}

bool Namespace::set_attribute(Run& run, std::string_view name, const Value& value) {
  run.set(*attributes_, run.text(name), value);
  return true;
}

std::optional<Value> MacroObject::attribute(Run& run, std::string_view name) {
  if (name == "name") return run.text(definition_.name);
  if (name == "caller") return definition_.uses_caller;
  if (name == "catch_kwargs") return definition_.uses_keywords;
  if (name == "catch_varargs") return definition_.uses_rest;
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const auto& parameter : definition_.parameters) names.push_back(run.text(parameter.name));
  return run.sequence(std::move(names), Sequence::Kind::kTuple);
}

// The arguments that have a name in the macro; what is not passed is not among them.
std::vector<std::pair<std::string, Value>> MacroObject::bind(Run& run,
                                                             const Arguments& arguments) const {
  const auto& parameters = definition_.parameters;
  std::vector<std::pair<std::string, Value>> bound;
  const std::size_t given = std::min(arguments.positional.size(), parameters.size());
  for (std::size_t i = 0; i < given; ++i) {
    bound.emplace_back(parameters[i].name, arguments.positional[i]);
  }
  Dict* rest = definition_.uses_keywords ? run.dict() : nullptr;
  for (const auto& [name, value] : arguments.keyword) {
    const auto open = parameters.begin() + static_cast<std::ptrdiff_t>(given);
    const bool is_parameter =
        std::find_if(open, parameters.end(), names_it(name)) != parameters.end();
    if (is_parameter || (name == "caller" && definition_.uses_caller)) {
      bound.emplace_back(name, value);
    } else if (rest) {
      run.set(*rest, run.text(name), value);
    } else {
      fail("macro '{}' takes no keyword argument '{}'", definition_.name, name);
    }
  }
  if (rest) bound.emplace_back("kwargs", rest);
  const auto extra = arguments.positional.begin() + static_cast<std::ptrdiff_t>(given);
  if (definition_.uses_rest) {
    bound.emplace_back("varargs",
                       run.sequence({extra, arguments.positional.end()}, Sequence::Kind::kTuple));
  } else if (extra != arguments.positional.end()) {
    fail("macro '{}' takes not more than {} argument(s)", definition_.name, parameters.size());
  }
  return bound;
}

Value MacroObject::call(Run& run, const Arguments& arguments) {
  const Level level(run);
  run.budget.compare(definition_.parameters.size(),
                     arguments.positional.size() + arguments.keyword.size());
  const auto bound = bind(run, arguments);
  Capture capture(run);
  const Scope scope(run, scope_);
  if (definition_.uses_caller) run.assign("caller", run.undefined("No caller defined"));
  // The names in `bound` end with this call, the frame may not: name them by the definition.
  const auto assign = [&](std::string_view lasting) {
    const auto found = std::ranges::find(bound, lasting, [](const auto& b) { return b.first; });
    if (found == bound.end()) return false;
    run.assign(lasting, found->second);
    return true;
  };
  for (const std::string_view special : {"caller", "kwargs", "varargs"}) assign(special);
  std::vector<const MacroDefinition::Parameter*> missing;
  for (const auto& parameter : definition_.parameters) {
    if (assign(parameter.name)) continue;
    run.assign(parameter.name,
               run.undefined(fmt::format("parameter '{}' was not provided", parameter.name)));
    if (parameter.otherwise) missing.push_back(&parameter);
  }
  for (const auto* parameter : missing) {
    run.assign(parameter->name, parameter->otherwise->evaluate(run));
  }
  definition_.body.execute(run);
  return run.text(capture.take());
}

void Loop::end() {
  size_ = items_->known_size();
  items_ = nullptr;
  outer_ = nullptr;
}

Value Loop::neighbour(Run& run, std::size_t index) const {
  const Value* const item = items_ ? items_->at(index) : nullptr;
  return item ? *item : run.undefined("there is no such item beside this one");
}

std::optional<Value> Loop::attribute(Run& run, std::string_view name) {
  if (name == "index") return index_ + 1;
  if (name == "index0") return index_;
  if (name == "revindex") return size() - index_;
  if (name == "revindex0") return size() - index_ - 1;
  if (name == "first") return index_ == 0;
  if (name == "last") return is_last();
  if (name == "length") return size();
  if (name == "depth") return depth_ + 1;
  if (name == "depth0") return depth_;
  if (name == "previtem") {
    return index_ > 0 ? neighbour(run, index_ - 1) : run.undefined("there is no previous item");
  }
  if (name == "nextitem") return neighbour(run, index_ + 1);
  if (name == "cycle" || name == "changed") {
    return Value(run.object<LoopMethod>(*this, name == "cycle"));
  }
  return std::nullopt;
}

Value Loop::call(Run& run, const Arguments& arguments) {
  const Level level(run);
  if (!outer_) fail("The loop must have the 'recursive' marker to be called, and still run");
  if (arguments.positional.size() != 1) fail("loop() takes one argument");
  Capture capture(run);
  statement_.loop_over(run, arguments.positional[0], outer_, depth_ + 1);
  return run.text(capture.take());
}

Value Loop::cycle(const Arguments& arguments) const {
  if (arguments.positional.empty()) fail("no items for cycling given");
  return arguments.positional[index_ % arguments.positional.size()];
}

Value Loop::changed(Run& run, const Arguments& arguments) {
  bool same = has_last_ && last_.size() == arguments.positional.size();
  for (std::size_t i = 0; same && i < last_.size(); ++i) {
    same = are_equal(run, last_[i], arguments.positional[i]);
  }
  last_ = arguments.positional;
  has_last_ = true;
  return !same;
}

}  // namespace linnet::jinja
