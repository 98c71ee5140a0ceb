#include "chat/jinja/statements.hpp"

#include <utility>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/objects.hpp"
#include "chat/jinja/print.hpp"

namespace linnet::jinja {

Flow Body::execute(Run& run) const {
  for (const StatementPtr& statement : statements) {
    const Flow flow = statement->execute(run);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

std::pair<Flow, Value> Body::capture(Run& run) const {
  Capture capture(run);
  const Scope scope(run, run.frame);
  const Flow flow = execute(run);
  return {flow, run.text(capture.take())};
}

void Target::assign(Run& run, const Value& value) const {
  if (const auto* name = std::get_if<std::string>(&data)) return run.assign(*name, value);
  if (const auto* member = std::get_if<Member>(&data)) {
    const Value* found = run.find(member->object);
    Object* object = found ? found->object() : nullptr;
    if (!object || !object->set_attribute(run, member->name, value)) {
      fail("cannot assign attribute on non-namespace object");
    }
    return;
  }
  const auto& targets = *std::get_if<std::vector<Target>>(&data);
  run.require_defined(value);
  const std::vector<Value> values = items_of(run, value);
  if (values.size() != targets.size()) {
    fail("expected {} values to unpack, got {}", targets.size(), values.size());
  }
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i].assign(run, values[i]);
}

Flow TextOutput::act(Run& run) const {
  run.output->append(text_, Origin::kTemplate);
  return Flow::kNext;
}

Flow Print::act(Run& run) const {
  print(run, expression_->evaluate(run), *run.output);
  return Flow::kNext;
}

Flow If::act(Run& run) const {
  for (const auto& [condition, body] : branches_) {
    if (is_true(condition->evaluate(run))) return body.execute(run);
  }
  return otherwise_.execute(run);
}

Flow For::act(Run& run) const {
  const Value items = parts_.items->evaluate(run);
  run.line = line();
  loop_over(run, items, run.frame, 0);
  return Flow::kNext;
}

bool For::Items::holds_for(const Value& candidate) const {
  if (!statement_.parts_.condition) return true;
  const Scope scope(run_, outer_);
  statement_.parts_.target.assign(run_, candidate);
  return is_true(statement_.parts_.condition->evaluate(run_));
}

const Value* For::Items::at(std::size_t index) {
  while (chosen_ <= index && next_ < candidates_.size()) {
    const std::size_t candidate = next_++;
    if (!holds_for(candidates_[candidate])) continue;
    if (chosen_ != candidate) candidates_[chosen_] = std::move(candidates_[candidate]);
    ++chosen_;
  }
  return index < chosen_ ? &candidates_[index] : nullptr;
}

std::size_t For::Items::size() {
  at(candidates_.size());
  return chosen_;
}

std::size_t For::Items::known_size() const {
  return statement_.parts_.condition ? chosen_ : candidates_.size();
}

void For::loop_over(Run& run, const Value& value, Frame* outer, int depth) const {
  Items items(run, *this, items_of(run, value), outer);
  if (!items.at(0)) {
    const Scope scope(run, outer);
    parts_.otherwise.execute(run);
    return;
  }
  Loop* loop = run.object<Loop>(*this, items, depth, parts_.is_recursive ? outer : nullptr);
  for (std::size_t i = 0; const Value* item = items.at(i); ++i) {
    const Scope scope(run, outer);
    loop->go_to(i);
    run.assign("loop", loop);
    parts_.target.assign(run, *item);
    if (parts_.is_recursive) run.capture_frame();
    if (parts_.body.execute(run) == Flow::kBreak) break;
  }
  loop->end();
}

Flow Set::act(Run& run) const {
  target_.assign(run, expression_->evaluate(run));
  return Flow::kNext;
}

Flow SetBlock::act(Run& run) const {
  const auto [flow, value] = body_.capture(run);
  target_.assign(run, filters_ ? filters_->apply(run, value) : value);
  return flow;
}

Flow FilterBlock::act(Run& run) const {
  const auto [flow, value] = body_.capture(run);
  print(run, filters_->apply(run, value), *run.output);
  return flow;
}

Flow With::act(Run& run) const {
  std::vector<Value> values;
  for (const auto& [target, expression] : bindings_) values.push_back(expression->evaluate(run));
  const Scope scope(run, run.frame);
  for (std::size_t i = 0; i < values.size(); ++i) bindings_[i].first.assign(run, values[i]);
  return body_.execute(run);
}

Flow Macro::act(Run& run) const {
  Object* macro = run.object<MacroObject>(definition_, run.capture_frame());
  run.assign(definition_.name, macro);
  return Flow::kNext;
}

Flow CallBlock::act(Run& run) const {
  Object* caller = run.object<MacroObject>(caller_, run.capture_frame());
  print(run, call_->call_with(run, "caller", caller), *run.output);
  return Flow::kNext;
}

}  // namespace linnet::jinja
