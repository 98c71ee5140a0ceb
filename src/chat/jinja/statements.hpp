#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "chat/jinja/expressions.hpp"

namespace linnet::jinja {

/// How it goes on after a statement: `break` and `continue` leave the bodies around them.
enum class Flow { kNext, kBreak, kContinue };

/// A node of a parsed template that writes output or names values. Immutable after parsing.
class Statement {
 public:
  explicit Statement(int line) : line_(line) {}
  virtual ~Statement() = default;

  Flow execute(Run& run) const {
    const Level level(run);
    run.line = line_;
    return act(run);
  }
  int line() const { return line_; }

 protected:
  virtual Flow act(Run& run) const = 0;

 private:
  int line_;
};

using StatementPtr = std::unique_ptr<Statement>;

struct Body {
  std::vector<StatementPtr> statements;
  Flow execute(Run& run) const;
  /// What it would have written, in a scope of its own.
  std::pair<Flow, Value> capture(Run& run) const;
};

/// What a value can be given to: a name, an attribute of a namespace, or several of them.
struct Target {
  struct Member {
    std::string object, name;
  };
  std::variant<std::string, Member, std::vector<Target>> data;

  void assign(Run& run, const Value& value) const;
};

/// Text between the tags.
class TextOutput final : public Statement {
 public:
  TextOutput(int line, std::string text) : Statement(line), text_(std::move(text)) {}

 private:
  Flow act(Run& run) const override;
  std::string text_;
};

/// {{ expression }}
class Print final : public Statement {
 public:
  Print(int line, ExpressionPtr expression) : Statement(line), expression_(std::move(expression)) {}

 private:
  Flow act(Run& run) const override;
  ExpressionPtr expression_;
};

class If final : public Statement {
 public:
  using Branch = std::pair<ExpressionPtr, Body>;
  If(int line, std::vector<Branch> branches, Body otherwise)
      : Statement(line), branches_(std::move(branches)), otherwise_(std::move(otherwise)) {}

 private:
  Flow act(Run& run) const override;
  std::vector<Branch> branches_;
  Body otherwise_;
};

class For final : public Statement {
 public:
  class Items;
  struct Parts {
    Target target;
    ExpressionPtr items;
    ExpressionPtr condition;  // null if there is none
    bool is_recursive = false;
    Body body;
    Body otherwise;
  };
  For(int line, Parts parts) : Statement(line), parts_(std::move(parts)) {}

  /// Goes through `value` inside the scope `outer`; `depth` is that of recursive loops.
  void loop_over(Run& run, const Value& value, Frame* outer, int depth) const;

 private:
  Flow act(Run& run) const override;
  Parts parts_;
};

/// What a loop goes through: the items for which its condition holds. It is asked about no more of
/// them than that takes, as the body may change what it says.
class For::Items {
 public:
  /// In the scope `outer`. All must outlive it.
  Items(Run& run, const For& statement, std::vector<Value> candidates, Frame* outer)
      : run_(run), statement_(statement), candidates_(std::move(candidates)), outer_(outer) {}

  /// Item `index`; null if there are no more than that.
  const Value* at(std::size_t index);
  /// How many items there are.
  std::size_t size();
  /// The same without those that the condition has not been asked about.
  std::size_t known_size() const;

 private:
  bool holds_for(const Value& candidate) const;

  Run& run_;
  const For& statement_;
  std::vector<Value> candidates_;  // the first chosen_ are items
  std::size_t chosen_ = 0;
  std::size_t next_ = 0;  // the candidate that is asked about next
  Frame* outer_;
};

/// {% break %} and {% continue %}
class LoopControl final : public Statement {
 public:
  LoopControl(int line, Flow flow) : Statement(line), flow_(flow) {}

 private:
  Flow act(Run&) const override { return flow_; }
  Flow flow_;
};

class Set final : public Statement {
 public:
  Set(int line, Target target, ExpressionPtr expression)
      : Statement(line), target_(std::move(target)), expression_(std::move(expression)) {}

 private:
  Flow act(Run& run) const override;
  Target target_;
  ExpressionPtr expression_;
};

/// {% set name %} ... {% endset %}; the filters may be null.
class SetBlock final : public Statement {
 public:
  SetBlock(int line, Target target, std::unique_ptr<FilterCall> filters, Body body)
      : Statement(line),
        target_(std::move(target)),
        filters_(std::move(filters)),
        body_(std::move(body)) {}

 private:
  Flow act(Run& run) const override;
  Target target_;
  std::unique_ptr<FilterCall> filters_;
  Body body_;
};

class FilterBlock final : public Statement {
 public:
  FilterBlock(int line, std::unique_ptr<FilterCall> filters, Body body)
      : Statement(line), filters_(std::move(filters)), body_(std::move(body)) {}

 private:
  Flow act(Run& run) const override;
  std::unique_ptr<FilterCall> filters_;
  Body body_;
};

/// {% with a = 1 %} ... {% endwith %}, and {% generation %}: a scope of its own.
class With final : public Statement {
 public:
  using Binding = std::pair<Target, ExpressionPtr>;
  With(int line, std::vector<Binding> bindings, Body body)
      : Statement(line), bindings_(std::move(bindings)), body_(std::move(body)) {}

 private:
  Flow act(Run& run) const override;
  std::vector<Binding> bindings_;
  Body body_;
};

/// A macro, or the body of a call block.
struct MacroDefinition {
  struct Parameter {
    std::string name;
    ExpressionPtr otherwise;  // null if the parameter has no default
  };
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  bool uses_caller = false;
  bool uses_keywords = false;  // the name `kwargs`
  bool uses_rest = false;      // the name `varargs`
};

class Macro final : public Statement {
 public:
  Macro(int line, MacroDefinition definition)
      : Statement(line), definition_(std::move(definition)) {}

 private:
  Flow act(Run& run) const override;
  MacroDefinition definition_;
};

/// {% call(x) macro() %} ... {% endcall %}
class CallBlock final : public Statement {
 public:
  CallBlock(int line, std::unique_ptr<Call> call, MacroDefinition caller)
      : Statement(line), call_(std::move(call)), caller_(std::move(caller)) {}

 private:
  Flow act(Run& run) const override;
  std::unique_ptr<Call> call_;
  MacroDefinition caller_;
};

}  // namespace linnet::jinja
