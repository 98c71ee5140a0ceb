#include "grammar/schema/json_schema.hpp"

#include <fmt/format.h>

#include "grammar/schema/schema_compiler.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kLargestText = 8 << 20;
constexpr int kDeepest = 100;
constexpr std::size_t kMostKeys = 4'000;  // of one object: looking one up is a linear search

}  // namespace

Result<SchemaJson> parse_schema_json(std::string_view text) {
  if (text.size() > kLargestText) {
    return Error{fmt::format("the JSON text has {} bytes, and at most {} are read", text.size(),
                             kLargestText)};
  }
  bool too_deep = false, too_many = false;
  std::vector<std::size_t> keys(kDeepest + 2, 0);
  const auto watch = [&](int depth, SchemaJson::parse_event_t event, SchemaJson&) {
    if (depth > kDeepest) return too_deep = true, false;
    if (event == SchemaJson::parse_event_t::object_start) keys[depth + 1] = 0;
    if (event == SchemaJson::parse_event_t::key && ++keys[depth] > kMostKeys) {
      return too_many = true, false;
    }
    return true;
  };
  SchemaJson json = SchemaJson::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep) return Error{fmt::format("the JSON text is nested deeper than {}", kDeepest)};
  if (too_many) return Error{fmt::format("an object has more than {} properties", kMostKeys)};
  if (json.is_discarded()) return Error{"the text is not valid JSON"};
  return json;
}

Result<SchemaGrammar> compile_json_schema(const SchemaJson& schema, const SchemaOptions& options) {
  return SchemaCompiler(schema, options).run();
}

}  // namespace linnet::grammar
