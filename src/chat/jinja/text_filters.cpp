#include <array>

#include "chat/jinja/filters.hpp"
#include "chat/jinja/format.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/print.hpp"
#include "chat/jinja/text_operations.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

// Most filters work on str(value), and keep markup.
Value like(Run& run, const Value& subject, Text text) {
  return run.text(std::move(text), subject.is_markup());
}

template <Text (*change)(Run&, const Text&)>
Value changed(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "a filter");
  return like(run, subject, change(run, to_text(run, subject)));
}

// Unlike str.title, words begin after spaces, hyphens and opening brackets only.
Text title(Run& run, const Text& text) {
  run.budget.step(static_cast<std::int64_t>(text.size() / 8));
  TextBuilder out(run.budget);
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, bytes] = character_at(text.bytes(), at);
    out.append(begins ? to_upper(character) : to_lower(character), text.origin_at(at));
    begins = is_space(character) ||
             (character < 0x80 && std::string_view("-({[<").find(static_cast<char>(character)) !=
                                      std::string_view::npos);
    at += bytes;
  }
  return out.take();
}

Value trim(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "trim", {"chars"});
  const Text* characters = given.is_given(0) ? &given.text(0) : nullptr;
  return like(run, subject, strip(run, to_text(run, subject), characters, Side::kBoth));
}

Value replace_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "replace", {"old", "new", "count"}, 2);
  const std::int64_t count = given.is_given(2) ? given.integer(2, -1) : -1;
  return run.text(
      replace(run, to_text(run, subject), to_text(run, *given[0]), to_text(run, *given[1]), count));
}

Value join_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "join", {"d", "attribute"});
  const Text separator = to_text(run, given.value(0));
  TextBuilder out(run.budget);
  bool is_first = true;
  for (const Value& item : items_of(run, subject)) {
    if (!std::exchange(is_first, false)) out.append(separator);
    print(run, given.is_given(1) ? get_path(run, item, *given[1]) : item, out);
  }
  return run.text(out.take());
}

Value string(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "string");
  return subject.is_string() ? subject : run.text(to_text(run, subject));
}

Value safe(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "safe");
  return run.text(to_text(run, subject), /*markup=*/true);
}

Value escape(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "escape");
  if (subject.is_markup()) return subject;
  return run.text(escape_html(run, to_text(run, subject)), /*markup=*/true);
}

Value force_escape(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "forceescape");
  return run.text(escape_html(run, to_text(run, subject)), /*markup=*/true);
}

Value indent(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "indent", {"width", "first", "blank"});
  run.require_defined(subject);
  if (!subject.is_string()) fail("indent needs a string, not '{}'", type_name(subject));
  const Text none;
  const bool is_text = given.has(0) && given[0]->is_string();
  const Text space = is_text ? given.text(0) : pad(run, none, given.integer(0, 4), ' ', '<');
  const bool blank_too = given.flag(2, false);
  Text text = subject.text();
  text.append("\n", Origin::kTemplate);  // so that a newline at the end makes one more line
  TextBuilder out(run.budget);
  if (given.flag(1, false)) out.append(space);
  bool is_first = true;
  for (const Value& line : split_lines(run, run.text(std::move(text)), /*keep_ends=*/false)) {
    if (!is_first) out.append("\n", Origin::kTemplate);
    if (!is_first && (blank_too || !line.text().empty())) out.append(space);
    out.append(line.text());
    is_first = false;
  }
  return like(run, subject, out.take());
}

Value truncate(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "truncate", {"length", "killwords", "end", "leeway"});
  const Text end = given.has(2) ? given.text(2) : Text("...", Origin::kTemplate);
  const std::int64_t length = given.integer(0, 255);
  const std::int64_t leeway = given.is_given(3) ? given.integer(3, 5) : 5;
  const auto end_length = static_cast<std::int64_t>(count_characters(end.bytes()));
  if (length < end_length || leeway < 0) fail("truncate: the length is less than that of the end");
  if (static_cast<std::int64_t>(length_of(run, subject)) - leeway <= length) return subject;
  if (!subject.is_string()) fail("truncate needs a string, not '{}'", type_name(subject));
  const Text& text = subject.text();
  const auto kept = static_cast<std::size_t>(length - end_length);
  Text result = text.slice(0, byte_of_character(text.bytes(), kept));
  if (!given.flag(1, false)) {
    const std::size_t space = result.bytes().rfind(' ');
    if (space != std::string::npos) result = result.slice(0, space);
  }
  result.append(end);
  return like(run, subject, std::move(result));
}

Value center(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "center", {"width"});
  Arguments width;
  width.positional.push_back(given.value(0, 80));
  return find_method(run.text(""), "center")->function(run, run.text(to_text(run, subject)), width);
}

Value word_count(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "wordcount");
  const Text text = to_text(run, subject);
  std::size_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text.bytes(), at);
    const bool word = is_word(character.value);
    words += word && !inside;
    inside = word;
    at += character.bytes;
  }
  return words;
}

Value format_filter(Run& run, const Value& subject, const Arguments& arguments) {
  if (!arguments.keyword.empty() && !arguments.positional.empty()) {
    fail("format takes positional or keyword arguments, not both");
  }
  const Text format = to_text(run, subject);
  if (arguments.keyword.empty()) {
    const Value values = run.sequence(arguments.positional, Sequence::Kind::kTuple);
    return like(run, subject, percent_format(run, format, values, subject.is_markup()));
  }
  Dict* values = run.dict();
  for (const auto& [name, value] : arguments.keyword) run.set(*values, run.text(name), value);
  return like(run, subject, percent_format(run, format, values, subject.is_markup()));
}

void read_separators(Run& run, const Value& separators, JsonStyle& style) {
  const std::vector<Value> pair = items_of(run, separators);
  if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
    fail("tojson: separators must be two strings");
  }
  style.item_separator = pair[0].text();
  style.key_separator = pair[1].text();
}

Value to_json_filter(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "tojson",
                         {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii_only = given.flag(0, false);
  style.sort_keys = given.flag(3, false);
  style.is_indented = given.is_given(1);
  if (style.is_indented) {
    style.item_separator = Text(",", Origin::kData);
    const bool is_text = given[1]->is_string();
    style.indent = is_text ? given.text(1) : pad(run, Text(), given.integer(1, 0), ' ', '<');
  }
  if (given.is_given(2)) read_separators(run, *given[2], style);
  run.require_defined(subject);
  return run.text(to_json(run, subject, style));
}

constexpr std::array kFilters = {
    NamedFunction{"capitalize", changed<capitalize>},
    NamedFunction{"center", center},
    NamedFunction{"e", escape},
    NamedFunction{"escape", escape},
    NamedFunction{"forceescape", force_escape},
    NamedFunction{"format", format_filter},
    NamedFunction{"indent", indent},
    NamedFunction{"join", join_filter},
    NamedFunction{"lower", changed<to_lower>},
    NamedFunction{"replace", replace_filter},
    NamedFunction{"safe", safe},
    NamedFunction{"string", string},
    NamedFunction{"title", changed<title>},
    NamedFunction{"tojson", to_json_filter},
    NamedFunction{"trim", trim},
    NamedFunction{"truncate", truncate},
    NamedFunction{"upper", changed<to_upper>},
    NamedFunction{"wordcount", word_count},
};

}  // namespace

std::span<const NamedFunction> text_filters() { return kFilters; }

}  // namespace linnet::jinja
