#pragma once

#include <string>
#include <vector>

#include "chat/jinja/statements.hpp"

namespace linnet::jinja {

/// namespace(...): attributes that inner scopes may set.
class Namespace final : public Object {
 public:
  explicit Namespace(Dict* attributes) : attributes_(attributes) {}
  std::string describe() const override { return "Namespace"; }
  const Dict* shown_attributes() const override { return attributes_; }
  std::optional<Value> attribute(Run& run, std::string_view name) override;
  bool set_attribute(Run& run, std::string_view name, const Value& value) override;

 private:
  Dict* attributes_;
};

/// A macro that can be called: its definition and the scope where it was defined.
class MacroObject final : public Object {
 public:
  MacroObject(const MacroDefinition& definition, Frame* scope)
      : definition_(definition), scope_(scope) {}
  std::string describe() const override { return "<Macro '" + definition_.name + "'>"; }
  std::optional<Value> attribute(Run& run, std::string_view name) override;
  bool is_callable() const override { return true; }
  Value call(Run& run, const Arguments& arguments) override;

 private:
  std::vector<std::pair<std::string, Value>> bind(Run& run, const Arguments& arguments) const;
  const MacroDefinition& definition_;
  Frame* scope_;
};

/// The variable `loop`. Called with other items it runs a recursive loop over them.
class Loop final : public Object {
 public:
  /// `items` must last until end(). `outer` is null unless the loop is recursive.
  Loop(const For& statement, For::Items& items, int depth, Frame* outer)
      : statement_(statement), items_(&items), depth_(depth), outer_(outer) {}
  void go_to(std::size_t index) { index_ = index; }
  /// The items are gone; only numbers can still be asked for.
  void end();

  std::string describe() const override { return "<LoopContext>"; }
  std::optional<Value> attribute(Run& run, std::string_view name) override;
  bool is_callable() const override { return true; }
  Value call(Run& run, const Arguments& arguments) override;

  /// loop.cycle(a, b): one of the arguments, by turns.
  Value cycle(const Arguments& arguments) const;
  /// loop.changed(x): true if it is not what it was the last time.
  Value changed(Run& run, const Arguments& arguments);

 private:
  Value neighbour(Run& run, std::size_t index) const;
  bool is_last() const { return items_ ? !items_->at(index_ + 1) : index_ + 1 == size_; }
  std::size_t size() const { return items_ ? items_->size() : size_; }
  const For& statement_;
  For::Items* items_;
  std::size_t size_ = 0;  // once the loop has ended
  std::size_t index_ = 0;
  int depth_;
  Frame* outer_;
  std::vector<Value> last_;
  bool has_last_ = false;
};

/// Names the functions that every template has: range, dict, namespace, cycler, joiner,
/// raise_exception, strftime_now.
void define_functions(Run& run);

}  // namespace linnet::jinja
