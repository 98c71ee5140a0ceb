#include <algorithm>
#include <array>

#include "chat/jinja/access.hpp"
#include "chat/jinja/format.hpp"
#include "chat/jinja/run.hpp"
#include "chat/jinja/text_operations.hpp"
#include "chat/jinja/unicode.hpp"

// The methods of str.

namespace linnet::jinja {
namespace {

constexpr auto kNowhere = std::string_view::npos;

Value same_kind(Run& run, const Value& subject, Text text) {
  return run.text(std::move(text), subject.is_markup());
}

template <Text (*change)(Run&, const Text&)>
Value changed(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a method of str");
  return same_kind(run, subject, change(run, subject.text()));
}

Text title(Run& run, const Text& text) {
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  TextBuilder out(run.budget);
  bool after_letter = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, bytes] = character_at(text.bytes(), at);
    const bool cased = is_cased(character);
    out.append(cased && !after_letter ? to_title(character) : to_lower(character),
               text.origin_at(at));
    after_letter = cased;
    at += bytes;
  }
  return out.take();
}

Text swap_case(Run& run, const Text& text) {
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  TextBuilder out(run.budget);
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, bytes] = character_at(text.bytes(), at);
    out.append(is_upper(character) ? to_lower(character) : to_upper(character), text.origin_at(at));
    at += bytes;
  }
  return out.take();
}

Text fold_all_case(Run& run, const Text& text) {
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  TextBuilder out(run.budget);
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, bytes] = character_at(text.bytes(), at);
    out.append(fold_case(character), text.origin_at(at));
    at += bytes;
  }
  return out.take();
}

template <Side side>
Value stripped(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "strip", {"chars"});
  const Text* characters = given.is_given(0) ? &given.text(0) : nullptr;
  return same_kind(run, subject, strip(run, subject.text(), characters, side));
}

template <bool from_right>
Value split_method(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "split", {"sep", "maxsplit"});
  const Text* separator = given.is_given(0) ? &given.text(0) : nullptr;
  return run.sequence(split(run, subject, separator, given.integer(1, -1), from_right));
}

Value splitlines(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "splitlines", {"keepends"});
  return run.sequence(split_lines(run, subject, given.flag(0, false)));
}

template <bool from_right>
Value partition(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "partition", {"sep"}, 1);
  const Text& text = subject.text();
  const Text& separator = given.text(0);
  if (separator.empty()) fail("empty separator");
  run.budget.work(text.size() * (from_right ? separator.size() : 1));
  const std::string_view bytes = text.bytes();
  std::size_t begin =
      from_right ? bytes.rfind(separator.bytes()) : find_text(bytes, separator.bytes());
  std::size_t end = begin + separator.size();
  if (begin == kNowhere) begin = end = from_right ? 0 : text.size();
  return run.sequence({same_kind(run, subject, text.slice(0, begin)),
                       same_kind(run, subject, text.slice(begin, end)),
                       same_kind(run, subject, text.slice(end, text.size()))},
                      Sequence::Kind::kTuple);
}

Value replace_method(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "replace", {"old", "new", "count"}, 2);
  return same_kind(
      run, subject,
      replace(run, subject.text(), given.text(0), given.text(1), given.integer(2, -1)));
}

Value join_method(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "join", {"iterable"}, 1);
  TextBuilder out(run.budget);
  bool is_first = true;
  for (const Value& item : items_of(run, *given[0])) {
    run.require_defined(item);
    if (!item.is_string()) fail("join() needs strings, found '{}'", type_name(item));
    if (!std::exchange(is_first, false)) out.append(subject.text());
    out.append(item.text());
  }
  return same_kind(run, subject, out.take());
}

// The part of a text that the arguments `start` and `end` leave, as bytes.
struct Part {
  std::size_t begin, end;
  bool is_empty_range;  // start lies after end, or after the text
};

Part part_of(std::string_view text, const Parameters& given, std::size_t first) {
  const auto count = static_cast<std::int64_t>(count_characters(text));
  const auto bound = [&](std::size_t i, std::int64_t otherwise) {
    std::int64_t index = given.is_given(i) ? given.integer(i, 0) : otherwise;
    if (index < 0) index = std::max<std::int64_t>(index + count, 0);
    return index;
  };
  const std::int64_t begin = bound(first, 0);
  const std::int64_t end = std::min(bound(first + 1, count), count);
  return {byte_of_character(text, static_cast<std::size_t>(begin)),
          byte_of_character(text, static_cast<std::size_t>(end)), begin > end};
}

Integer find_in(Run& run, const Value& subject, const Parameters& given, bool from_right) {
  const std::string_view text = subject.bytes();
  const std::string_view needle = given.text(0).bytes();
  run.budget.work(text.size() * (from_right ? needle.size() + 1 : 1));
  const Part part = part_of(text, given, 1);
  if (part.is_empty_range) return -1;
  const std::string_view inside = text.substr(part.begin, part.end - part.begin);
  const std::size_t found = from_right ? inside.rfind(needle) : find_text(inside, needle);
  if (found == kNowhere) return -1;
  return static_cast<Integer>(count_characters(text.substr(0, part.begin + found)));
}

template <bool from_right, bool must>
Value find_method(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "find", {"sub", "start", "end"}, 1);
  const Integer found = find_in(run, subject, given, from_right);
  if (must && found < 0) fail("substring not found");
  return found;
}

Value count(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "count", {"sub", "start", "end"}, 1);
  const std::string_view needle = given.text(0).bytes();
  run.budget.work(subject.text().size());
  const Part part = part_of(subject.bytes(), given, 1);
  if (part.is_empty_range) return 0;
  const std::string_view text = subject.bytes().substr(part.begin, part.end - part.begin);
  if (needle.empty()) return count_characters(text) + 1;
  std::size_t times = 0;
  for (std::size_t at = find_text(text, needle); at != kNowhere;
       at = find_text(text, needle, at + needle.size())) {
    ++times;
  }
  return times;
}

template <bool at_end>
Value has_affix(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, at_end ? "endswith" : "startswith",
                         {"affix", "start", "end"}, 1);
  const Part part = part_of(subject.bytes(), given, 1);
  const std::string_view text = subject.bytes().substr(part.begin, part.end - part.begin);
  const auto matches = [&](const Value& affix) {
    run.require_defined(affix);
    if (!affix.is_string()) fail("startswith() and endswith() need a string or a tuple of strings");
    if (part.is_empty_range) return false;
    return at_end ? text.ends_with(affix.bytes()) : text.starts_with(affix.bytes());
  };
  const Sequence* several = given[0]->sequence();
  if (!several || several->kind != Sequence::Kind::kTuple) return matches(*given[0]);
  return std::ranges::any_of(several->items, matches);
}

template <bool at_end>
Value remove_affix(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "removeprefix", {"affix"}, 1);
  const Text& text = subject.text();
  const std::string& affix = given.text(0).bytes();
  if (at_end && text.bytes().ends_with(affix)) {
    return same_kind(run, subject, text.slice(0, text.size() - affix.size()));
  }
  if (!at_end && text.bytes().starts_with(affix)) {
    return same_kind(run, subject, text.slice(affix.size(), text.size()));
  }
  return subject;
}

template <char align>
Value padded(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "ljust", {"width", "fillchar"}, 1);
  const std::string fill = given.has(1) ? given.text(1).bytes() : " ";
  if (count_characters(fill) != 1) fail("the fill character must be exactly one character long");
  const char32_t character = character_at(fill, 0).value;
  const std::int64_t width = given.integer(0, 0);
  const Text& text = subject.text();
  if (align != '^') return same_kind(run, subject, pad(run, text, width, character, align));
  const auto length = static_cast<std::int64_t>(count_characters(text.bytes()));
  const std::int64_t missing = std::max<std::int64_t>(width - length, 0);
  const std::int64_t left = missing / 2 + (missing & width & 1);
  const Text shifted = pad(run, text, length + left, character, '>');
  return same_kind(run, subject, pad(run, shifted, width, character, '<'));
}

Value zfill(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "zfill", {"width"}, 1);
  const Text& text = subject.text();
  const bool has_sign = text.bytes().starts_with('-') || text.bytes().starts_with('+');
  const std::int64_t sign = has_sign ? 1 : 0;
  TextBuilder out(run.budget);
  out.append(text, 0, static_cast<std::size_t>(sign));
  const Text digits = text.slice(static_cast<std::size_t>(sign), text.size());
  out.append(pad(run, digits, given.integer(0, 0) - sign, '0', '>'));
  return same_kind(run, subject, out.take());
}

Value format_method(Run& run, const Value& subject, const Arguments& arguments) {
  return same_kind(run, subject, brace_format(run, subject.text(), arguments));
}

// True if the text has characters and all of them satisfy `holds`.
template <bool (*holds)(char32_t)>
Value all_are(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a method of str");
  const std::string_view text = subject.bytes();
  run.budget.work(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (!holds(character.value)) return false;
    at += character.bytes;
  }
  return !text.empty();
}

bool is_alphanumeric(char32_t c) { return c != '_' && is_word(c); }
bool is_numeric(char32_t c) { return is_alphanumeric(c) && !is_letter(c); }

// True if there are cased characters and none of the other case.
template <bool (*other)(char32_t)>
Value is_case(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a method of str");
  const std::string_view text = subject.bytes();
  run.budget.work(text.size());
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (other(character.value)) return false;
    any = any || is_cased(character.value);
    at += character.bytes;
  }
  return any;
}

// True if there are cased characters, and those in lower case are the ones after another one.
Value is_title(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "istitle");
  const std::string_view text = subject.bytes();
  run.budget.work(text.size());
  bool any = false, is_behind_cased = false;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    const bool cased = is_cased(character.value);
    if (cased && is_lower(character.value) != is_behind_cased) return false;
    is_behind_cased = cased;
    any = any || cased;
    at += character.bytes;
  }
  return any;
}

Value is_ascii(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "isascii");
  run.budget.work(subject.text().size());
  return std::ranges::none_of(subject.bytes(), [](char c) { return (c & 0x80) != 0; });
}

constexpr std::array kMethods = {
    NamedFunction{"capitalize", changed<capitalize>},
    NamedFunction{"casefold", changed<fold_all_case>},
    NamedFunction{"center", padded<'^'>},
    NamedFunction{"count", count},
    NamedFunction{"endswith", has_affix<true>},
    NamedFunction{"find", find_method<false, false>},
    NamedFunction{"format", format_method},
    NamedFunction{"index", find_method<false, true>},
    NamedFunction{"isalnum", all_are<is_alphanumeric>},
    NamedFunction{"isalpha", all_are<is_letter>},
    NamedFunction{"isascii", is_ascii},
    NamedFunction{"isdecimal", all_are<is_decimal>},
    NamedFunction{"isdigit", all_are<is_digit>},
    NamedFunction{"islower", is_case<is_upper>},
    NamedFunction{"isnumeric", all_are<is_numeric>},
    NamedFunction{"isspace", all_are<is_space>},
    NamedFunction{"istitle", is_title},
    NamedFunction{"isupper", is_case<is_lower>},
    NamedFunction{"join", join_method},
    NamedFunction{"ljust", padded<'<'>},
    NamedFunction{"lower", changed<to_lower>},
    NamedFunction{"lstrip", stripped<Side::kLeft>},
    NamedFunction{"partition", partition<false>},
    NamedFunction{"removeprefix", remove_affix<false>},
    NamedFunction{"removesuffix", remove_affix<true>},
    NamedFunction{"replace", replace_method},
    NamedFunction{"rfind", find_method<true, false>},
    NamedFunction{"rindex", find_method<true, true>},
    NamedFunction{"rjust", padded<'>'>},
    NamedFunction{"rpartition", partition<true>},
    NamedFunction{"rsplit", split_method<true>},
    NamedFunction{"rstrip", stripped<Side::kRight>},
    NamedFunction{"split", split_method<false>},
    NamedFunction{"splitlines", splitlines},
    NamedFunction{"startswith", has_affix<false>},
    NamedFunction{"strip", stripped<Side::kBoth>},
    NamedFunction{"swapcase", changed<swap_case>},
    NamedFunction{"title", changed<title>},
    NamedFunction{"upper", changed<to_upper>},
    NamedFunction{"zfill", zfill},
};

}  // namespace

std::span<const NamedFunction> text_methods() { return kMethods; }

}  // namespace linnet::jinja
