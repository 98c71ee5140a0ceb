#include "grammar/automata/character_classes.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace linnet::grammar {
namespace {

struct Category {
  std::string_view name, long_name;
  std::uint32_t members;  // bits by utf8proc_category_t
};

constexpr std::uint32_t bits(std::initializer_list<int> categories) {
  std::uint32_t result = 0;
  for (const int category : categories) result |= 1u << category;
  return result;
}

constexpr std::uint32_t kCased =
    bits({UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LT});

constexpr std::array kCategories = {
    Category{"Lu", "Uppercase_Letter", bits({UTF8PROC_CATEGORY_LU})},
    Category{"Ll", "Lowercase_Letter", bits({UTF8PROC_CATEGORY_LL})},
    Category{"Lt", "Titlecase_Letter", bits({UTF8PROC_CATEGORY_LT})},
    Category{"LC", "Cased_Letter", kCased},
    Category{"Lm", "Modifier_Letter", bits({UTF8PROC_CATEGORY_LM})},
    Category{"Lo", "Other_Letter", bits({UTF8PROC_CATEGORY_LO})},
    Category{"L", "Letter", kCased | bits({UTF8PROC_CATEGORY_LM, UTF8PROC_CATEGORY_LO})},
    Category{"Mn", "Nonspacing_Mark", bits({UTF8PROC_CATEGORY_MN})},
    Category{"Mc", "Spacing_Mark", bits({UTF8PROC_CATEGORY_MC})},
    Category{"Me", "Enclosing_Mark", bits({UTF8PROC_CATEGORY_ME})},
    Category{"M", "Mark", bits({UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_MC, UTF8PROC_CATEGORY_ME})},
    Category{"Nd", "Decimal_Number", bits({UTF8PROC_CATEGORY_ND})},
    Category{"Nl", "Letter_Number", bits({UTF8PROC_CATEGORY_NL})},
    Category{"No", "Other_Number", bits({UTF8PROC_CATEGORY_NO})},
    Category{"N", "Number",
             bits({UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NL, UTF8PROC_CATEGORY_NO})},
    Category{"Pc", "Connector_Punctuation", bits({UTF8PROC_CATEGORY_PC})},
    Category{"Pd", "Dash_Punctuation", bits({UTF8PROC_CATEGORY_PD})},
    Category{"Ps", "Open_Punctuation", bits({UTF8PROC_CATEGORY_PS})},
    Category{"Pe", "Close_Punctuation", bits({UTF8PROC_CATEGORY_PE})},
    Category{"Pi", "Initial_Punctuation", bits({UTF8PROC_CATEGORY_PI})},
    Category{"Pf", "Final_Punctuation", bits({UTF8PROC_CATEGORY_PF})},
    Category{"Po", "Other_Punctuation", bits({UTF8PROC_CATEGORY_PO})},
    Category{"P", "Punctuation",
             bits({UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PD, UTF8PROC_CATEGORY_PS,
                   UTF8PROC_CATEGORY_PE, UTF8PROC_CATEGORY_PI, UTF8PROC_CATEGORY_PF,
                   UTF8PROC_CATEGORY_PO})},
    Category{"Sm", "Math_Symbol", bits({UTF8PROC_CATEGORY_SM})},
    Category{"Sc", "Currency_Symbol", bits({UTF8PROC_CATEGORY_SC})},
    Category{"Sk", "Modifier_Symbol", bits({UTF8PROC_CATEGORY_SK})},
    Category{"So", "Other_Symbol", bits({UTF8PROC_CATEGORY_SO})},
    Category{"S", "Symbol",
             bits({UTF8PROC_CATEGORY_SM, UTF8PROC_CATEGORY_SC, UTF8PROC_CATEGORY_SK,
                   UTF8PROC_CATEGORY_SO})},
    Category{"Zs", "Space_Separator", bits({UTF8PROC_CATEGORY_ZS})},
    Category{"Zl", "Line_Separator", bits({UTF8PROC_CATEGORY_ZL})},
    Category{"Zp", "Paragraph_Separator", bits({UTF8PROC_CATEGORY_ZP})},
    Category{"Z", "Separator",
             bits({UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP})},
    Category{"Cc", "Control", bits({UTF8PROC_CATEGORY_CC})},
    Category{"Cf", "Format", bits({UTF8PROC_CATEGORY_CF})},
    Category{"Co", "Private_Use", bits({UTF8PROC_CATEGORY_CO})},
    Category{"Cn", "Unassigned", bits({UTF8PROC_CATEGORY_CN})},
    Category{"C", "Other",
             bits({UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CO,
                   UTF8PROC_CATEGORY_CN})},
    Category{"Any", "Any", UINT32_MAX},
};

// Neighbouring characters of one category.
struct Run {
  char32_t first, last;
  int category;
};

std::vector<Run> category_runs() {
  std::vector<Run> runs;
  for (char32_t character = 0; character <= kLastCharacter; ++character) {
    const int category = utf8proc_category(static_cast<utf8proc_int32_t>(character));
    if (runs.empty() || runs.back().category != category) {
      runs.push_back({character, character, category});
    }
    runs.back().last = character;
  }
  return runs;
}

}  // namespace

CharacterSet digits() { return {U'0', U'9'}; }

CharacterSet word_characters() {
  CharacterSet set = digits();
  set.add(U'a', U'z');
  set.add(U'A', U'Z');
  set.add(U'_', U'_');
  return set;
}

CharacterSet line_terminators() {
  CharacterSet set(U'\n');
  set.add(U'\r', U'\r');
  set.add(0x2028, 0x2029);
  return set;
}

CharacterSet white_space() {
  CharacterSet set(U'\t', U'\r');  // with line feed, vertical tab, form feed
  set.add(line_terminators());
  for (const char32_t space : {0x20, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000, 0xfeff}) {
    set.add(space, space);
  }
  set.add(0x2000, 0x200a);
  return set;
}

std::optional<CharacterSet> unicode_category(std::string_view name) {
  if (name == "ASCII") return CharacterSet(0, 0x7f);
  const auto category =
      std::find_if(kCategories.begin(), kCategories.end(),
                   [&](const Category& c) { return c.name == name || c.long_name == name; });
  if (category == kCategories.end()) return std::nullopt;
  static const std::vector<Run> kRuns = category_runs();
  CharacterSet set;
  for (const Run& run : kRuns) {
    if ((category->members >> run.category & 1) != 0) set.add(run.first, run.last);
  }
  return set;
}

}  // namespace linnet::grammar
