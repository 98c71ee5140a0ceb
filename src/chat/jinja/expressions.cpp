#include "chat/jinja/expressions.hpp"

#include <algorithm>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/print.hpp"

namespace linnet::jinja {
namespace {

Value value_or_none(const ExpressionPtr& expression, Run& run) {
  return expression ? expression->evaluate(run) : Value(None{});
}

}  // namespace

Value Expression::call(Run& run, const Arguments& arguments) const {
  return jinja::call(run, evaluate(run), arguments);
}

void Expression::contain(const ExpressionPtr& child) {
  if (child) height_ = std::max(height_, child->height() + 1);
}

void Expression::contain(const CallArguments& arguments) {
  for (const ExpressionPtr& argument : arguments.positional) contain(argument);
  for (const auto& [unused, argument] : arguments.keyword) contain(argument);
  contain(arguments.list);
  contain(arguments.dict);
}

Value Name::value(Run& run) const {
  if (const Value* found = run.find(name_)) return *found;
  return run.undefined(fmt::format("'{}' is undefined", name_));
}

SequenceLiteral::SequenceLiteral(int line, Sequence::Kind kind, std::vector<ExpressionPtr> items)
    : Expression(line), kind_(kind), items_(std::move(items)) {
  for (const ExpressionPtr& item : items_) contain(item);
}

Value SequenceLiteral::value(Run& run) const {
  std::vector<Value> values;
  values.reserve(items_.size());
  for (const ExpressionPtr& item : items_) values.push_back(item->evaluate(run));
  return run.sequence(std::move(values), kind_);
}

DictLiteral::DictLiteral(int line, std::vector<Entry> entries)
    : Expression(line), entries_(std::move(entries)) {
  for (const Entry& entry : entries_) {
    contain(entry.first);
    contain(entry.second);
  }
}

Value DictLiteral::value(Run& run) const {
  Dict* dict = run.dict();
  for (const auto& [key, value] : entries_) {
    const Value name = key->evaluate(run);
    run.set(*dict, name, value->evaluate(run));
  }
  return dict;
}

Attribute::Attribute(int line, ExpressionPtr object, std::string name)
    : Expression(line), object_(std::move(object)), name_(std::move(name)) {
  contain(object_);
}

Value Attribute::value(Run& run) const { return get_attribute(run, object_->evaluate(run), name_); }

Value Attribute::call(Run& run, const Arguments& arguments) const {
  const Value object = object_->evaluate(run);
  const NamedFunction* method = find_method(object, name_);
  if (!method) return jinja::call(run, get_attribute(run, object, name_), arguments);
  return call_method(run, *method, object, arguments);
}

Subscript::Subscript(int line, ExpressionPtr object, ExpressionPtr key)
    : Expression(line), object_(std::move(object)), key_(std::move(key)) {
  contain(object_);
  contain(key_);
}

Value Subscript::value(Run& run) const {
  const Value object = object_->evaluate(run);
  return get_item(run, object, key_->evaluate(run));
}

SliceSubscript::SliceSubscript(int line, ExpressionPtr object, ExpressionPtr start,
                               ExpressionPtr stop, ExpressionPtr step)
    : Expression(line),
      object_(std::move(object)),
      start_(std::move(start)),
      stop_(std::move(stop)),
      step_(std::move(step)) {
  for (const ExpressionPtr* part : {&object_, &start_, &stop_, &step_}) contain(*part);
}

Value SliceSubscript::value(Run& run) const {
  const Value object = object_->evaluate(run);
  const Value start = value_or_none(start_, run);
  const Value stop = value_or_none(stop_, run);
  return get_slice(run, object, start, stop, value_or_none(step_, run));
}

Arguments CallArguments::evaluate(Run& run) const {
  Arguments result;
  for (const ExpressionPtr& argument : positional) {
    result.positional.push_back(argument->evaluate(run));
  }
  for (const auto& [name, argument] : keyword) {
    result.keyword.emplace_back(name, argument->evaluate(run));
  }
  if (list) {
    for (Value& item : items_of(run, list->evaluate(run))) {
      result.positional.push_back(std::move(item));
    }
  }
  if (!dict) return result;
  const Value entries = dict->evaluate(run);
  if (!entries.dict()) fail("argument after ** must be a mapping, not {}", type_name(entries));
  for (const auto& [name, value] : entries.dict()->entries()) {
    if (!name.is_string()) fail("keywords must be strings");
    result.keyword.emplace_back(name.bytes(), value);
  }
  return result;
}

Call::Call(int line, ExpressionPtr callee, CallArguments arguments)
    : Expression(line), callee_(std::move(callee)), arguments_(std::move(arguments)) {
  contain(callee_);
  contain(arguments_);
}

Value Call::value(Run& run) const {
  const Arguments arguments = arguments_.evaluate(run);
  run.line = line();
  return callee_->call(run, arguments);
}

Value Call::call_with(Run& run, const std::string& name, const Value& extra) const {
  Arguments arguments = arguments_.evaluate(run);
  arguments.keyword.emplace_back(name, extra);
  run.line = line();
  return callee_->call(run, arguments);
}

FilterCall::FilterCall(int line, ExpressionPtr subject, std::string name, CallArguments arguments)
    : Expression(line),
      subject_(std::move(subject)),
      name_(std::move(name)),
      arguments_(std::move(arguments)) {
  contain(subject_);
  contain(arguments_);
}

Value FilterCall::value(Run& run) const { return apply_to(run, subject_->evaluate(run)); }

Value FilterCall::apply(Run& run, const Value& innermost) const {
  // The parser makes chains of filters only if a block has them.
  const auto* before = static_cast<const FilterCall*>(subject_.get());
  return apply_to(run, before ? before->apply(run, innermost) : innermost);
}

Value FilterCall::apply_to(Run& run, const Value& subject) const {
  const Arguments arguments = arguments_.evaluate(run);
  run.line = line();
  return apply_filter(run, name_, subject, arguments);
}

TestCall::TestCall(int line, ExpressionPtr subject, std::string name, CallArguments arguments)
    : Expression(line),
      subject_(std::move(subject)),
      name_(std::move(name)),
      arguments_(std::move(arguments)) {
  contain(subject_);
  contain(arguments_);
}

Value TestCall::value(Run& run) const {
  const Value subject = subject_->evaluate(run);
  return apply_test(run, name_, subject, arguments_.evaluate(run));
}

Unary::Unary(int line, Operation operation, ExpressionPtr operand)
    : Expression(line), operation_(operation), operand_(std::move(operand)) {
  contain(operand_);
}

Value Unary::value(Run& run) const { return operation_(run, operand_->evaluate(run)); }

Binary::Binary(int line, Operation operation, ExpressionPtr left, ExpressionPtr right)
    : Expression(line), operation_(operation), left_(std::move(left)), right_(std::move(right)) {
  contain(left_);
  contain(right_);
}

Value Binary::value(Run& run) const {
  const Value left = left_->evaluate(run);
  const Value right = right_->evaluate(run);
  run.line = line();
  return operation_(run, left, right);
}

Concatenation::Concatenation(int line, std::vector<ExpressionPtr> parts)
    : Expression(line), parts_(std::move(parts)) {
  for (const ExpressionPtr& part : parts_) contain(part);
}

Value Concatenation::value(Run& run) const {
  TextBuilder out(run.budget);
  for (const ExpressionPtr& part : parts_) print(run, part->evaluate(run), out);
  return run.text(out.take());
}

Comparison::Comparison(int line, ExpressionPtr first, std::vector<Step> steps)
    : Expression(line), first_(std::move(first)), steps_(std::move(steps)) {
  contain(first_);
  for (const Step& step : steps_) contain(step.second);
}

Value Comparison::value(Run& run) const {
  Value left = first_->evaluate(run);
  for (const auto& [operation, operand] : steps_) {
    Value right = operand->evaluate(run);
    run.line = line();
    if (!operation(run, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Logical::Logical(int line, bool decides, ExpressionPtr left, ExpressionPtr right)
    : Expression(line), decides_(decides), left_(std::move(left)), right_(std::move(right)) {
  contain(left_);
  contain(right_);
}

Value Logical::value(Run& run) const {
  Value left = left_->evaluate(run);
  return is_true(left) == decides_ ? left : right_->evaluate(run);
}

Conditional::Conditional(int line, ExpressionPtr condition, ExpressionPtr then,
                         ExpressionPtr otherwise)
    : Expression(line),
      condition_(std::move(condition)),
      then_(std::move(then)),
      otherwise_(std::move(otherwise)) {
  for (const ExpressionPtr* part : {&condition_, &then_, &otherwise_}) contain(*part);
}

Value Conditional::value(Run& run) const {
  if (is_true(condition_->evaluate(run))) return then_->evaluate(run);
  if (otherwise_) return otherwise_->evaluate(run);
  return run.undefined("an inline if without else is undefined where its condition is false");
}

}  // namespace linnet::jinja
