#include "grammar/schema/schema_keywords.hpp"

#include <algorithm>
#include <array>

namespace linnet::grammar {
namespace {

using enum KeywordKind;

constexpr std::array kKeywords = {
    Keyword{"$schema", kAnnotation},
    Keyword{"$id", kAnnotation},
    Keyword{"$anchor", kAnnotation},
    Keyword{"$comment", kAnnotation},
    Keyword{"$defs", kAnnotation},
    Keyword{"$vocabulary", kAnnotation},
    Keyword{"definitions", kAnnotation},
    Keyword{"title", kAnnotation},
    Keyword{"description", kAnnotation},
    Keyword{"default", kAnnotation},
    Keyword{"example", kAnnotation},
    Keyword{"examples", kAnnotation},
    Keyword{"deprecated", kAnnotation},
    Keyword{"readOnly", kAnnotation},
    Keyword{"writeOnly", kAnnotation},
    Keyword{"contentEncoding", kAnnotation},
    Keyword{"contentMediaType", kAnnotation},
    Keyword{"contentSchema", kAnnotation},
    Keyword{"$ref", kAssertion},
    Keyword{"allOf", kAssertion},
    Keyword{"anyOf", kAssertion},
    Keyword{"oneOf", kAssertion},
    Keyword{"not", kAssertion},
    Keyword{"if", kAssertion},
    Keyword{"then", kAssertion},
    Keyword{"else", kAssertion},
    Keyword{"type", kAssertion},
    Keyword{"enum", kAssertion},
    Keyword{"const", kAssertion},
    Keyword{"minLength", kAssertion, kString},
    Keyword{"maxLength", kAssertion, kString},
    Keyword{"pattern", kAssertion, kString},
    Keyword{"format", kAssertion},  // also of numbers, in OpenAPI
    Keyword{"minimum", kAssertion, kNumber},
    Keyword{"maximum", kAssertion, kNumber},
    Keyword{"exclusiveMinimum", kAssertion, kNumber},
    Keyword{"exclusiveMaximum", kAssertion, kNumber},
    Keyword{"multipleOf", kAssertion, kNumber},
    Keyword{"items", kAssertion, kArray},
    Keyword{"prefixItems", kAssertion, kArray},
    Keyword{"minItems", kAssertion, kArray},
    Keyword{"maxItems", kAssertion, kArray},
    Keyword{"uniqueItems", kAssertion, kArray},
    Keyword{"properties", kAssertion, kObject},
    Keyword{"patternProperties", kAssertion, kObject},
    Keyword{"additionalProperties", kAssertion, kObject},
    Keyword{"propertyNames", kAssertion, kObject},
    Keyword{"required", kAssertion, kObject},
    Keyword{"minProperties", kAssertion, kObject},
    Keyword{"maxProperties", kAssertion, kObject},
    Keyword{"dependentRequired", kAssertion, kObject},
    Keyword{"dependentSchemas", kAssertion, kObject},
    Keyword{"contains", kUnsupported},
    Keyword{"minContains", kUnsupported},
    Keyword{"maxContains", kUnsupported},
    Keyword{"unevaluatedItems", kUnsupported},
    Keyword{"unevaluatedProperties", kUnsupported},
    Keyword{"additionalItems", kUnsupported},
    Keyword{"dependencies", kUnsupported},
    Keyword{"$dynamicRef", kUnsupported},
    Keyword{"$dynamicAnchor", kUnsupported},
    Keyword{"$recursiveRef", kUnsupported},
    Keyword{"$recursiveAnchor", kUnsupported},
};

struct TypeName {
  std::string_view name;
  std::uint32_t bits;
};
constexpr std::array kTypeNames = {
    TypeName{"null", kNull},     TypeName{"boolean", kBoolean}, TypeName{"integer", kInteger},
    TypeName{"number", kNumber}, TypeName{"string", kString},   TypeName{"array", kArray},
    TypeName{"object", kObject},
};

}  // namespace

Keyword find_keyword(std::string_view name) {
  const auto known = std::find_if(kKeywords.begin(), kKeywords.end(),
                                  [&](const Keyword& keyword) { return keyword.name == name; });
  return known == kKeywords.end() ? Keyword{name} : *known;
}

std::uint32_t type_bits(std::string_view name) {
  const auto known = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                  [&](const TypeName& type) { return type.name == name; });
  return known == kTypeNames.end() ? 0 : known->bits;
}

}  // namespace linnet::grammar
