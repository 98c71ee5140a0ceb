#include "serve/requests/json_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.hpp"

namespace linnet::serve {
namespace {

constexpr std::size_t kMostDepth = 64;
constexpr std::size_t kMostMembers = 1024;
constexpr std::size_t kMostValues = 1 << 22;

// Walks through the text without building anything, to refuse what would be dangerous to build.
class Inspector final : public nlohmann::json_sax<Json> {
 public:
  explicit Inspector(std::size_t body_bytes) : body_bytes_(body_bytes) {}

  const std::string& problem() const { return problem_; }

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t&) override {
    if (++members_.back() <= kMostMembers) return true;
    problem_ = fmt::format("an object of the body has more than {} members", kMostMembers);
    return false;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem_ = position > body_bytes_
                   ? std::string("the body is not valid JSON: it ends too early")
                   : fmt::format("the body is not valid JSON: byte {} was not expected", position);
    return false;
  }

 private:
  bool count() {
    if (++values_ <= kMostValues) return true;
    problem_ = fmt::format("the body has more than {} JSON values", kMostValues);
    return false;
  }
  bool open() {
    members_.push_back(0);
    if (members_.size() <= kMostDepth) return count();
    problem_ = fmt::format("the body is JSON nested deeper than {}", kMostDepth);
    return false;
  }
  bool close() {
    members_.pop_back();
    return true;
  }

  const std::size_t body_bytes_;
  std::size_t values_ = 0;
  std::vector<std::size_t> members_;  // of each open object
  std::string problem_;
};

// JSON of a type that is called `kind`.
Result<Json> parse(std::string_view body, Json::value_t type, std::string_view kind) {
  if (body.empty()) return Error{fmt::format("the request has no body, expected a JSON {}", kind)};
  Inspector inspector(body.size());
  if (!Json::sax_parse(body, &inspector)) return Error{inspector.problem()};
  Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.type() != type) {
    return Error{fmt::format("the body is a JSON {}, expected an {}", json.type_name(), kind)};
  }
  return json;
}

}  // namespace

Result<Json> parse_body(std::string_view body) {
  return parse(body, Json::value_t::object, "object");
}

Result<Json> parse_adapter_list(std::string_view body) {
  auto list = parse(body, Json::value_t::array, "array");
  if (!list) return list;
  Json json = Json::object();
  json["lora"] = std::move(*list);
  return json;
}

void append_text(const std::string& text, Json& to) {
  if (to.is_null()) to = "";
  to.get_ref<std::string&>() += text;
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

const Json* Fields::find(std::string_view name) const {
  const auto found = object_.find(std::string(name));
  if (found == object_.end() || found->is_null()) return nullptr;
  if (std::ranges::find(read_, &*found) == read_.end()) read_.push_back(&*found);
  return &*found;
}

std::vector<std::string> Fields::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : object_.items()) {
    const bool is_read = std::ranges::find(read_, &value) != read_.end();
    if (!is_read && !value.is_null()) names.push_back(path_of(name));
  }
  return names;
}

std::string Fields::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::fail(std::string_view name, std::string message) {
  if (error_) return;
  const std::string param = shortened(path_of(name));  // the name may be the client's
  error_ = invalid_request(fmt::format("{}: {}", param, message), param);
}

void Fields::take_error(const Fields& part) {
  if (!error_) error_ = part.error_;
}

void Fields::fail_type(std::string_view name, std::string_view expected, const Json& found) {
  fail(name, fmt::format("expected {}, found a JSON {}", expected, found.type_name()));
}

void Fields::require(std::string_view name, std::string_view expected) {
  if (!has(name)) fail(name, fmt::format("expected {}, found nothing", expected));
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t low,
                                            std::int64_t high) {
  const Json* const field = find(name);
  if (!field) return std::nullopt;
  // 16.0 is how some clients write 16.
  const bool whole = field->is_number_float() && std::floor(field->get<double>()) == *field &&
                     std::abs(field->get<double>()) < 9e15;
  if (!field->is_number_integer() && !whole) {
    fail_type(name, "an integer", *field);
    return std::nullopt;
  }
  const bool huge = field->is_number_unsigned() &&
                    field->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (huge || field->get<std::int64_t>() < low || field->get<std::int64_t>() > high) {
    const std::string range =
        low == high ? std::to_string(low) : fmt::format("{} to {}", low, high);
    fail(name, fmt::format("expected {}, found {}", range, field->dump()));
    return std::nullopt;
  }
  return field->get<std::int64_t>();
}

std::optional<double> Fields::number(std::string_view name, double low, double high) {
  const Json* const field = find(name);
  if (!field) return std::nullopt;
  if (!field->is_number()) {
    fail_type(name, "a number", *field);
    return std::nullopt;
  }
  const auto value = field->get<double>();
  if (!(value >= low && value <= high)) {
    fail(name, fmt::format("expected {} to {}, found {}", low, high, field->dump()));
    return std::nullopt;
  }
  return value;
}

bool Fields::boolean(std::string_view name, bool otherwise) {
  const Json* const field = find(name);
  if (!field) return otherwise;
  if (!field->is_boolean()) fail_type(name, "true or false", *field);
  return field->is_boolean() ? field->get<bool>() : otherwise;
}

std::optional<std::string> Fields::text(std::string_view name) {
  const Json* const field = find(name);
  if (!field) return std::nullopt;
  if (!field->is_string()) {
    fail_type(name, "a string", *field);
    return std::nullopt;
  }
  return field->get<std::string>();
}

std::string Fields::required_text(std::string_view name) {
  require(name, "a string");
  return text(name).value_or("");
}

std::string Fields::one_of(std::string_view name, std::span<const std::string_view> choices,
                           std::string_view otherwise) {
  std::string value = text(name).value_or(std::string(otherwise));
  if (std::ranges::find(choices, value) == choices.end()) {
    fail(name,
         fmt::format("expected one of {}, found {}", fmt::join(choices, ", "), shortened(value)));
  }
  return value;
}

std::string Fields::required_one_of(std::string_view name,
                                    std::span<const std::string_view> choices) {
  require(name, fmt::format("one of {}", fmt::join(choices, ", ")));
  return one_of(name, choices, choices.front());
}

const Json* Fields::array(std::string_view name, std::size_t most_elements) {
  const Json* const field = find(name);
  if (!field) return nullptr;
  if (!field->is_array()) {
    fail_type(name, "an array", *field);
    return nullptr;
  }
  if (field->size() > most_elements) {
    fail(name, fmt::format("at most {} elements, found {}", most_elements, field->size()));
    return nullptr;
  }
  return field;
}

const Json* Fields::object(std::string_view name) {
  const Json* const field = find(name);
  if (!field) return nullptr;
  if (!field->is_object()) fail_type(name, "an object", *field);
  return field->is_object() ? field : nullptr;
}

void Fields::with_object(std::string_view name, const Read& read) {
  const Json* const field = object(name);
  if (!field) return;
  Fields part(*field, path_of(name));
  read(part);
  take_error(part);
}

void Fields::with_required_object(std::string_view name, const Read& read) {
  require(name, "an object");
  with_object(name, read);
}

void Fields::each_object(std::string_view name, std::size_t most_elements, const Read& read) {
  const Json* const list = array(name, most_elements);
  for (std::size_t i = 0; list && i < list->size() && !error_; ++i) {
    const std::string at = fmt::format("{}[{}]", name, i);
    if (!(*list)[i].is_object()) return fail_type(at, "an object", (*list)[i]);
    Fields element((*list)[i], path_of(at));
    read(element);
    take_error(element);
  }
}

std::optional<std::vector<std::string>> Fields::texts(std::string_view name,
                                                      std::size_t most_elements) {
  const Json* const list = array(name, most_elements);
  if (!list) return std::nullopt;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i].is_string()) {
      texts.push_back((*list)[i].get<std::string>());
    } else {
      fail_type(fmt::format("{}[{}]", name, i), "a string", (*list)[i]);
    }
  }
  return texts;
}

}  // namespace linnet::serve
