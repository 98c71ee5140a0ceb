#pragma once

#include <cstdint>
#include <string_view>

namespace linnet::grammar {

/// Sets of JSON types. Numbers are split, because an integer is a number too.
enum TypeBits : std::uint32_t {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
  kNumber = kInteger | kFraction,
  kAllTypes = 127,
};

/// What a keyword of a JSON schema is to the compiler.
enum class KeywordKind {
  kUnknown,      ///< not of JSON Schema: says nothing about values
  kAnnotation,   ///< says nothing about values
  kAssertion,    ///< says what values must be like
  kUnsupported,  ///< would say what values must be like
};

struct Keyword {
  std::string_view name;
  KeywordKind kind = KeywordKind::kUnknown;
  std::uint32_t types = 0;  ///< the types it speaks of, where it speaks of one kind only
};

/// The keyword called `name`; of kind kUnknown if there is none.
Keyword find_keyword(std::string_view name);

/// The bits of a type's name; 0 for names that are none.
std::uint32_t type_bits(std::string_view name);

}  // namespace linnet::grammar
