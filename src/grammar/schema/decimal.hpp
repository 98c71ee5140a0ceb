#pragma once

#include <compare>
#include <optional>
#include <string>

#include "grammar/schema/json_schema.hpp"

namespace linnet::grammar {

/// A number in decimal notation, exact.
struct Decimal {
  bool negative = false;
  std::string integer = "0";  ///< no leading zeros
  std::string fraction;       ///< no trailing zeros

  bool is_zero() const { return integer == "0" && fraction.empty(); }
  bool is_integer() const { return fraction.empty(); }
  Decimal magnitude() const { return {false, integer, fraction}; }
  std::strong_ordering operator<=>(const Decimal& other) const;
  bool operator==(const Decimal& other) const = default;
};

/// The value of a JSON number: as written if it is an integer that fits 64 bits, else the
/// shortest decimal that stands for its double. Nothing for NaN.
std::optional<Decimal> to_decimal(const SchemaJson& number);

}  // namespace linnet::grammar
