#include "chat/jinja/template.hpp"

#include <algorithm>
#include <array>

#include "base/utf8.hpp"
#include "chat/jinja/objects.hpp"
#include "chat/jinja/parser.hpp"

namespace linnet::jinja {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxSourceBytes = 4u << 20;

// Roles that cannot be mistaken for anything but a role, even between the marks of a token.
constexpr std::array<std::string_view, 10> kRoles = {
    "system", "developer", "user",  "assistant",   "tool",
    "model",  "function",  "human", "observation", "ipython"};

class Importer {
 public:
  Importer(Run& run, Origin origin) : run_(run), origin_(origin) {}

  Value value_of(const Json& json, int depth = 0) {
    if (depth > kMaxInputDepth) fail("a variable is nested more than {} deep", kMaxInputDepth);
    run_.budget.step();
    if (json.is_object()) return dict_of(json, depth);
    if (json.is_array()) return list_of(json, depth);
    if (json.is_string()) return text_of(json.get_ref<const std::string&>(), origin_);
    if (json.is_boolean()) return json.get<bool>();
    if (json.is_number_unsigned()) return Integer{json.get<std::uint64_t>()};
    if (json.is_number_integer()) return Integer{json.get<std::int64_t>()};
    if (json.is_number_float()) return json.get<double>();
    return None{};
  }

 private:
  Value text_of(const std::string& text, Origin origin) {
    if (!is_valid_utf8(text)) fail("a variable has text that is not valid UTF-8");
    return run_.text(text, origin);
  }

  Value list_of(const Json& json, int depth) {
    std::vector<Value> items;
    for (const Json& item : json) items.push_back(value_of(item, depth + 1));
    return run_.sequence(std::move(items));
  }

  Value dict_of(const Json& json, int depth) {
    Dict* dict = run_.dict();
    for (const auto& [key, value] : json.items()) {
      const bool is_role =
          key == "role" && value.is_string() &&
          std::ranges::find(kRoles, value.get_ref<const std::string&>()) != kRoles.end();
      const Value name = text_of(key, origin_);
      run_.set(*dict, name,
               is_role ? text_of(value.get_ref<const std::string&>(), Origin::kTemplate)
                       : value_of(value, depth + 1));
    }
    return dict;
  }

  Run& run_;
  Origin origin_;
};

Text render_body(Run& run, const Body& body, std::span<const Variable> variables) {
  const Scope functions(run, nullptr);
  define_functions(run);
  for (const Variable& variable : variables) {
    run.assign(variable.name, Importer(run, variable.origin).value_of(*variable.value));
  }
  Capture capture(run);
  body.execute(run);
  return capture.take();
}

}  // namespace

struct Template::State {
  Body body;
};

Template::Template(std::unique_ptr<State> state) : state_(std::move(state)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return Error{
        fmt::format("the template has {} bytes, more than {}", source.size(), kMaxSourceBytes)};
  }
  if (!is_valid_utf8(source)) return Error{"the template is not valid UTF-8"};
  try {
    return Template(std::make_unique<State>(State{parse_template(source)}));
  } catch (const Failure& failure) {
    return Error{"template, " + failure.message};
  }
}

Result<Text> Template::render(std::span<const Variable> variables,
                              const RenderOptions& options) const {
  Run run({options.limits, options.now, options.allow_mutation});
  try {
    return render_body(run, state_->body, variables);
  } catch (const Failure& failure) {
    return Error{fmt::format("template, line {}: {}", run.line, failure.message)};
  }
}

Result<Json> parse_json(std::string_view text, int most_depth) {
  constexpr std::size_t kMaxKeys = 10'000;
  bool too_deep = false;
  bool too_wide = false;
  std::vector<std::size_t> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
    // For a start, `depth` is that of what stands around it.
    const bool begins =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    too_deep |= begins && depth >= most_depth;
    if (event == Json::parse_event_t::object_start) keys.push_back(0);
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty()) {
      too_wide |= ++keys.back() > kMaxKeys;
    }
    return !too_deep && !too_wide;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep) return Error{fmt::format("JSON is nested more than {} deep", most_depth)};
  if (too_wide) return Error{fmt::format("a JSON object has more than {} keys", kMaxKeys)};
  if (json.is_discarded()) return Error{"not valid JSON"};
  return json;
}

}  // namespace linnet::jinja
