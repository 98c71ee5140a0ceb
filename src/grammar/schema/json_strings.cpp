#include "grammar/schema/json_strings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

namespace linnet::grammar {
namespace {

struct Escape {
  char32_t character;
  char name;
};
constexpr std::array kEscapes = {Escape{U'"', '"'},  Escape{U'\\', '\\'}, Escape{U'\b', 'b'},
                                 Escape{U'\f', 'f'}, Escape{U'\n', 'n'},  Escape{U'\r', 'r'},
                                 Escape{U'\t', 't'}};

// What may stand in a JSON string as it is.
CharacterSet plain_characters() {
  CharacterSet set(0x20, kLastCharacter);
  CharacterSet special(U'"');
  special.add(U'\\', U'\\');
  return set.intersection(special.complement());
}

CharacterSet one_of(std::u32string_view members) {
  CharacterSet set;
  for (const char32_t member : members) set.add(member, member);
  return set;
}

Expression hex_digits(std::uint64_t count) {
  return repeat(characters(one_of(U"0123456789abcdefABCDEF")), count, count);
}

// The formats' patterns, made of named pieces. If a standard allows more than anybody writes (RFC
// 5322 addresses, IPv6 zones), they take the part that every reader accepts.
std::string date() {
  const std::string year = "[0-9]{4}", leap_month = "02-29";
  const std::string day =
      "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|"
      "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
  const std::string leap_year =
      "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
  return "(?!0000)(?:" + year + "-" + day + "|" + leap_year + "-" + leap_month + ")";
}

std::string time() {
  return "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"
         "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";
}

std::string date_time() { return date() + "T" + time(); }

std::string duration() {
  const std::string n = "[0-9]{1,6}";
  const std::string hms =
      "T(?:" + n + "H(?:" + n + "M(?:" + n + "S)?)?|" + n + "M(?:" + n + "S)?|" + n + "S)";
  const std::string ymd =
      "(?:" + n + "Y(?:" + n + "M(?:" + n + "D)?)?|" + n + "M(?:" + n + "D)?|" + n + "D)";
  return "P(?:" + n + "W|" + ymd + "(?:" + hms + ")?|" + hms + ")";
}

std::string uuid() {
  return "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
}

std::string hostname() {
  const std::string label = "[a-zA-Z0-9]{1,15}(?:-[a-zA-Z0-9]{1,15}){0,2}";
  return label + "(?:\\." + label + "){0,3}";
}

std::string email() {
  const std::string atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]";
  return atom + "{1,20}(?:\\." + atom + "{1,14}){0,2}@" + hostname();
}

std::string ipv4() {
  const std::string part = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  return part + "(?:\\." + part + "){3}";
}

std::string ipv6() {
  const std::string h = "[0-9a-fA-F]{1,4}";
  std::string result = "(?:" + h + ":){7}" + h + "|(?:" + h + ":){1,7}:";
  for (int left = 1; left <= 6; ++left) {
    result += fmt::format("|(?:{0}:){{1,{1}}}(?::{0}){{1,{2}}}", h, left, 7 - left);
  }
  return result + "|:(?::" + h + "){1,7}|::";
}

// RFC 3986 with a host name and no user part.
std::string uri_character() { return "(?:[a-zA-Z0-9._~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})"; }

std::string uri_query_and_fragment() {
  const std::string c = uri_character();
  return "(?:\\?(?:" + c + "|[/?])*)?(?:#(?:" + c + "|[/?])*)?";
}

std::string uri() {
  return "[a-z][a-z0-9+.-]{0,15}://" + hostname() + "(?::[0-9]{1,5})?(?:/" + uri_character() +
         "*)*" + uri_query_and_fragment();
}

std::string uri_reference() {
  const std::string c = uri_character();
  return uri() + "|(?:/(?:" + c + "+(?:/" + c + "*)*)?)?" + uri_query_and_fragment();
}

std::string json_pointer() { return "(?:/(?:[^~/]|~[01])*)*"; }

struct Format {
  std::string_view name;
  std::string (*pattern)();
};
constexpr std::array kFormats = {
    Format{"date", date},
    Format{"time", time},
    Format{"date-time", date_time},
    Format{"duration", duration},
    Format{"uuid", uuid},
    Format{"hostname", hostname},
    Format{"email", email},
    Format{"ipv4", ipv4},
    Format{"ipv6", ipv6},
    Format{"uri", uri},
    Format{"uri-reference", uri_reference},
    Format{"json-pointer", json_pointer},
};

}  // namespace

Expression json_escape() {
  const Expression hex = characters(one_of(U"0123456789abcdefABCDEF"));
  const Expression d = characters(one_of(U"dD"));
  const Expression plain_unit =
      choice({sequence({characters(one_of(U"0123456789abcefABCEF")), hex_digits(3)}),
              sequence({d, characters(one_of(U"01234567")), hex_digits(2)})});
  const Expression pair = sequence({d, characters(one_of(U"89abAB")), hex_digits(2), literal("\\u"),
                                    d, characters(one_of(U"cdefCDEF")), hex_digits(2)});
  return choice(
      {characters(one_of(U"\"\\/bfnrt")), sequence({literal("u"), choice({plain_unit, pair})})});
}

Expression json_character(const Expression& escape, const CharacterSet& escaped) {
  return choice({characters(plain_characters().intersection(escaped.complement())),
                 sequence({literal("\\"), escape})});
}

Expression json_character(const CharacterSet& set) {
  std::vector<Expression> options;
  const CharacterSet plain = set.intersection(plain_characters());
  if (!plain.empty()) options.push_back(characters(plain));
  CharacterSet rest = set.intersection(plain_characters().complement()), names;
  for (const Escape& escape : kEscapes) {
    if (!set.contains(escape.character)) continue;
    names.add(static_cast<char32_t>(escape.name), static_cast<char32_t>(escape.name));
    rest = rest.intersection(CharacterSet(escape.character).complement());
  }
  if (!names.empty()) options.push_back(sequence({literal("\\"), characters(names)}));
  // Control characters without a short form, by their first hexadecimal digit.
  for (char32_t first = 0; first < 2; ++first) {
    constexpr std::u32string_view kHex = U"0123456789abcdef";
    CharacterSet last;
    for (char32_t digit = 0; digit < kHex.size(); ++digit) {
      if (rest.contains(first << 4 | digit)) last.add(kHex[digit], kHex[digit]);
    }
    if (last.empty()) continue;
    options.push_back(sequence({literal(first == 0 ? "\\u000" : "\\u001"), characters(last)}));
  }
  return choice(std::move(options));
}

Expression json_string(std::string_view text) {
  std::vector<Expression> parts = {literal("\"")};
  while (const auto character = take_character(text)) {
    parts.push_back(json_character(CharacterSet(*character)));
  }
  parts.push_back(literal("\""));
  return sequence(std::move(parts));
}

Expression json_string(const FiniteAutomaton& contents) {
  const auto encode = [](const CharacterSet& set) { return json_character(set); };
  return sequence({literal("\""), to_expression(contents, encode), literal("\"")});
}

std::optional<std::string> format_pattern(std::string_view format) {
  const auto known = std::find_if(kFormats.begin(), kFormats.end(),
                                  [&](const Format& f) { return f.name == format; });
  if (known == kFormats.end()) return std::nullopt;
  return known->pattern();
}

}  // namespace linnet::grammar
