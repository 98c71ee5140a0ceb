#pragma once

#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/value.hpp"

namespace linnet::jinja {

/// Gathers a text within the limits.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(budget) {}

  void append(std::string_view bytes, Origin origin) {
    grow(bytes.size());
    text_.append(bytes, origin);
  }
  void append(const Text& text) {
    grow(text.size());
    text_.append(text);
  }
  void append(const Text& text, std::size_t begin, std::size_t end) {
    grow(end - begin);
    text_.append(text, begin, end);
  }
  const Text& text() const { return text_; }
  Text take() { return std::move(text_); }

 private:
  void grow(std::size_t bytes) {
    budget_.check_text(text_.memory() + bytes);
    budget_.work(bytes);
  }

  Budget& budget_;
  Text text_;
};

/// The names of one scope.
struct Frame {
  std::map<std::string_view, Value> names;
  Frame* parent = nullptr;
  bool captured = false;  // a macro or loop object still refers to it
};

/// What one render works with: the values that it makes, the names in sight, the output so far.
class Run {
 public:
  struct Settings {
    Limits limits;
    std::tm now;
    bool allow_mutation;  // of lists and dictionaries, by their methods
  };

  explicit Run(const Settings& settings)
      : budget(settings.limits), now(settings.now), allow_mutation(settings.allow_mutation) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Value text(Text text, bool markup = false);
  Value text(std::string_view bytes, Origin origin = Origin::kTemplate);
  Value sequence(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::kList);
  Dict* dict();
  void set(Dict& dict, const Value& key, Value value);
  void append(Sequence& sequence, Value value);
  template <class T, class... Parts>
  T* object(Parts&&... parts) {
    budget.hold(sizeof(T));
    auto owned = std::make_unique<T>(std::forward<Parts>(parts)...);
    T* object = owned.get();
    objects_.push_back(std::move(owned));
    return object;
  }

  /// An undefined value; the message is for whoever needs a value there.
  Value undefined(std::string message);
  void require_defined(const Value& value) const;

  const Value* find(std::string_view name) const;
  /// Names the value in the innermost scope. `name` must outlive the run.
  void assign(std::string_view name, Value value);
  /// Keeps the current scopes as they are for as long as the run lasts.
  Frame* capture_frame();

  Budget budget;
  const std::tm now;
  const bool allow_mutation;
  Frame* frame = nullptr;
  TextBuilder* output = nullptr;
  int line = 1;  // of the template, for messages
  int depth = 0;

 private:
  friend class Scope;

  std::deque<Sequence> sequences_;
  std::deque<Dict> dicts_;
  std::deque<Frame> frames_;
  std::deque<std::string> messages_;
  std::vector<std::unique_ptr<Object>> objects_;
  std::vector<Frame*> free_frames_;
};

/// A scope of names for as long as it lives, inside `parent`.
class Scope {
 public:
  Scope(Run& run, Frame* parent);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Run& run_;
  Frame* outer_;
};

/// Sends output into a text of its own for as long as it lives.
class Capture {
 public:
  explicit Capture(Run& run) : run_(run), outer_(run.output), builder_(run.budget) {
    run.output = &builder_;
  }
  ~Capture() { run_.output = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  Text take() { return builder_.take(); }

 private:
  Run& run_;
  TextBuilder* outer_;
  TextBuilder builder_;
};

/// One more level of evaluation for as long as it lives.
class Level {
 public:
  explicit Level(Run& run) : run_(run) {
    run.budget.step();
    if (++run.depth > run.budget.limits().depth) {
      --run.depth;
      fail("the template is nested or recurs more than {} deep", run.budget.limits().depth);
    }
  }
  ~Level() { --run_.depth; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Run& run_;
};

}  // namespace linnet::jinja
