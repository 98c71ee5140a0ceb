#include "chat/jinja/run.hpp"

#include "chat/jinja/compare.hpp"

namespace linnet::jinja {

Value Run::text(Text text, bool markup) {
  budget.check_text(text.size());
  auto string = std::make_shared<String>(std::move(text), markup, nullptr);
  budget.hold(string->memory());
  string->budget = &budget;
  return std::shared_ptr<const String>(std::move(string));
}

Value Run::text(std::string_view bytes, Origin origin) {
  budget.check_text(bytes.size());
  return text(Text(std::string(bytes), origin));
}

Value Run::sequence(std::vector<Value> items, Sequence::Kind kind) {
  budget.hold(sizeof(Sequence) + items.size() * sizeof(Value));
  budget.step(static_cast<std::int64_t>(items.size() / 8));
  return &sequences_.emplace_back(Sequence{kind, std::move(items), 0, {}});
}

Dict* Run::dict() {
  budget.hold(sizeof(Dict));
  return &dicts_.emplace_back();
}

void Run::set(Dict& dict, const Value& key, Value value) {
  check_key(*this, key);
  // An entry, and a node of the index with its three pointers.
  if (dict.set(key, std::move(value))) budget.hold(4 * sizeof(Value) + 4 * sizeof(void*));
}

void Run::append(Sequence& sequence, Value value) {
  budget.hold(2 * sizeof(Value));
  sequence.items.push_back(std::move(value));
}

Value Run::undefined(std::string message) {
  budget.hold(sizeof(std::string) + message.size());
  return Undefined{&messages_.emplace_back(std::move(message))};
}

void Run::require_defined(const Value& value) const {
  if (!value.is_undefined()) return;
  const std::string* message = value.as<Undefined>().message;
  throw Failure{message ? shortened(*message, kMostMessageBytes) : "a value is undefined"};
}

const Value* Run::find(std::string_view name) const {
  for (const Frame* scope = frame; scope; scope = scope->parent) {
    const auto found = scope->names.find(name);
    if (found != scope->names.end()) return &found->second;
  }
  return nullptr;
}

void Run::assign(std::string_view name, Value value) {
  frame->names.insert_or_assign(name, std::move(value));
}

Frame* Run::capture_frame() {
  for (Frame* scope = frame; scope && !scope->captured; scope = scope->parent) {
    budget.hold(sizeof(Frame) + 128 * scope->names.size());
    scope->captured = true;
  }
  return frame;
}

Scope::Scope(Run& run, Frame* parent) : run_(run), outer_(run.frame) {
  if (run.free_frames_.empty()) run.free_frames_.push_back(&run.frames_.emplace_back());
  Frame* frame = run.free_frames_.back();
  run.free_frames_.pop_back();
  frame->parent = parent;
  run.frame = frame;
}

Scope::~Scope() {
  Frame* frame = run_.frame;
  run_.frame = outer_;
  if (frame->captured) return;
  frame->names.clear();
  run_.free_frames_.push_back(frame);
}

}  // namespace linnet::jinja
