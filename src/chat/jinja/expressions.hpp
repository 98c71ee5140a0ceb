#pragma once

#include <compare>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/jinja/filters.hpp"

namespace linnet::jinja {

struct CallArguments;

/// A node of a parsed template that has a value. Immutable after parsing.
class Expression {
 public:
  explicit Expression(int line) : line_(line) {}
  virtual ~Expression() = default;

  Value evaluate(Run& run) const {
    const Level level(run);
    return value(run);
  }
  /// Calls what this expression names; a method of a value without making an object of it.
  virtual Value call(Run& run, const Arguments& arguments) const;

  int line() const { return line_; }
  /// Nodes from here to the deepest below: what the parser limits.
  int height() const { return height_; }

 protected:
  virtual Value value(Run& run) const = 0;
  void contain(const std::unique_ptr<Expression>& child);
  void contain(const CallArguments& arguments);

 private:
  int line_;
  int height_ = 1;
};

using ExpressionPtr = std::unique_ptr<Expression>;

class Constant final : public Expression {
 public:
  Constant(int line, Value constant) : Expression(line), constant_(std::move(constant)) {}
  const Value& constant() const { return constant_; }

 private:
  Value value(Run&) const override { return constant_; }
  Value constant_;
};

class Name final : public Expression {
 public:
  Name(int line, std::string name) : Expression(line), name_(std::move(name)) {}
  const std::string& name() const { return name_; }

 private:
  Value value(Run& run) const override;
  std::string name_;
};

/// A list or a tuple.
class SequenceLiteral final : public Expression {
 public:
  SequenceLiteral(int line, Sequence::Kind kind, std::vector<ExpressionPtr> items);
  std::vector<ExpressionPtr>& items() { return items_; }

 private:
  Value value(Run& run) const override;
  Sequence::Kind kind_;
  std::vector<ExpressionPtr> items_;
};

class DictLiteral final : public Expression {
 public:
  using Entry = std::pair<ExpressionPtr, ExpressionPtr>;
  DictLiteral(int line, std::vector<Entry> entries);

 private:
  Value value(Run& run) const override;
  std::vector<Entry> entries_;
};

/// object.name
class Attribute final : public Expression {
 public:
  Attribute(int line, ExpressionPtr object, std::string name);
  Value call(Run& run, const Arguments& arguments) const override;

 private:
  Value value(Run& run) const override;
  ExpressionPtr object_;
  std::string name_;
};

/// object[key]
class Subscript final : public Expression {
 public:
  Subscript(int line, ExpressionPtr object, ExpressionPtr key);

 private:
  Value value(Run& run) const override;
  ExpressionPtr object_, key_;
};

/// object[start:stop:step], each null if it is not written.
class SliceSubscript final : public Expression {
 public:
  SliceSubscript(int line, ExpressionPtr object, ExpressionPtr start, ExpressionPtr stop,
                 ExpressionPtr step);

 private:
  Value value(Run& run) const override;
  ExpressionPtr object_, start_, stop_, step_;
};

/// What stands in the parentheses of a call: also *list and **dict, null if absent.
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  ExpressionPtr list;
  ExpressionPtr dict;

  Arguments evaluate(Run& run) const;
};

class Call final : public Expression {
 public:
  Call(int line, ExpressionPtr callee, CallArguments arguments);
  /// With one more keyword argument.
  Value call_with(Run& run, const std::string& name, const Value& extra) const;

 private:
  Value value(Run& run) const override;
  ExpressionPtr callee_;
  CallArguments arguments_;
};

class FilterCall final : public Expression {
 public:
  /// `subject` is null for the filter of a block.
  FilterCall(int line, ExpressionPtr subject, std::string name, CallArguments arguments);
  /// Applies it, and the filters before it in a chain, to `innermost`.
  Value apply(Run& run, const Value& innermost) const;

 private:
  Value value(Run& run) const override;
  Value apply_to(Run& run, const Value& subject) const;
  ExpressionPtr subject_;
  std::string name_;
  CallArguments arguments_;
};

class TestCall final : public Expression {
 public:
  TestCall(int line, ExpressionPtr subject, std::string name, CallArguments arguments);

 private:
  Value value(Run& run) const override;
  ExpressionPtr subject_;
  std::string name_;
  CallArguments arguments_;
};

class Unary final : public Expression {
 public:
  using Operation = Value (*)(Run&, const Value&);
  Unary(int line, Operation operation, ExpressionPtr operand);

 private:
  Value value(Run& run) const override;
  Operation operation_;
  ExpressionPtr operand_;
};

class Binary final : public Expression {
 public:
  using Operation = Value (*)(Run&, const Value&, const Value&);
  Binary(int line, Operation operation, ExpressionPtr left, ExpressionPtr right);

 private:
  Value value(Run& run) const override;
  Operation operation_;
  ExpressionPtr left_, right_;
};

/// a ~ b ~ c
class Concatenation final : public Expression {
 public:
  Concatenation(int line, std::vector<ExpressionPtr> parts);

 private:
  Value value(Run& run) const override;
  std::vector<ExpressionPtr> parts_;
};

/// a < b <= c: each neighbour pair must hold.
class Comparison final : public Expression {
 public:
  using Operation = bool (*)(Run&, const Value&, const Value&);
  using Step = std::pair<Operation, ExpressionPtr>;
  Comparison(int line, ExpressionPtr first, std::vector<Step> steps);

 private:
  Value value(Run& run) const override;
  ExpressionPtr first_;
  std::vector<Step> steps_;
};

/// `and` and `or`: the value of the operand that decides.
class Logical final : public Expression {
 public:
  Logical(int line, bool decides, ExpressionPtr left, ExpressionPtr right);

 private:
  Value value(Run& run) const override;
  bool decides_;  // the truth of the left side with which the right one is not looked at
  ExpressionPtr left_, right_;
};

/// a if condition else b; b may be null.
class Conditional final : public Expression {
 public:
  Conditional(int line, ExpressionPtr condition, ExpressionPtr then, ExpressionPtr otherwise);

 private:
  Value value(Run& run) const override;
  ExpressionPtr condition_, then_, otherwise_;
};

}  // namespace linnet::jinja
