#pragma once

#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "chat/jinja/budget.hpp"
#include "chat/jinja/text.hpp"

namespace linnet::jinja {

/// A name that a template can use, and its value. Objects keep the order of their keys.
struct Variable {
  std::string_view name;
  const nlohmann::ordered_json* value;
  Origin origin = Origin::kData;
};

struct RenderOptions {
  std::tm now{};               ///< what strftime_now reads
  bool allow_mutation = true;  ///< lists may append and pop; Hugging Face's sandbox refuses it
  Limits limits;
};

/// A Jinja template as Hugging Face renders chat templates: Jinja2 with `trim_blocks`,
/// `lstrip_blocks`, loop controls, `generation` blocks, `tojson` without HTML escaping,
/// `raise_exception` and `strftime_now`. It sees its variables and nothing else: no files, no
/// includes, no attributes of the interpreter. Not supported, and an error: the tags block,
/// extends, include, import, from, autoescape, print, do; the filters pprint, random, striptags,
/// urlize, wordwrap; integers beyond 128 bits. Immutable after parsing and safe to share between
/// threads.
class Template {
 public:
  /// Errors name the line and what was expected there.
  static Result<Template> parse(std::string_view source);

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// The text with the origin of its bytes. Errors: what the template raises, whatever Jinja2
  /// fails at, exceeded limits, variables nested more than 64 deep; with the line.
  /// A value `role` with a common name (user, assistant, ...) counts as written by the template,
  /// because some templates make a token of it.
  Result<Text> render(std::span<const Variable> variables, const RenderOptions& options) const;

 private:
  struct State;
  explicit Template(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Parses JSON as variables may have it: at most `most_depth` deep and 10,000 keys an object.
Result<nlohmann::ordered_json> parse_json(std::string_view text, int most_depth = kMaxInputDepth);

}  // namespace linnet::jinja
