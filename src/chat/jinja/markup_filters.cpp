#include <array>

#include "chat/jinja/filters.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/print.hpp"
#include "chat/jinja/run.hpp"

// Filters for what stands in URLs and tags.

namespace linnet::jinja {
namespace {

bool is_unreserved(unsigned char c) {
  return (c < 0x80 && std::isalnum(c)) ||
         std::string_view("_.-~").find(static_cast<char>(c)) != std::string_view::npos;
}

// Percent-encoded; in a query, spaces are + and slashes are encoded, too.
void append_quoted(const Text& text, bool in_query, TextBuilder& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text.bytes()[i]);
    const bool is_plain = is_unreserved(c) || (c == '/' && !in_query);
    const std::string shown = is_plain               ? std::string(1, static_cast<char>(c))
                              : in_query && c == ' ' ? "+"
                                                     : fmt::format("%{:02X}", c);
    out.append(shown, text.origin_at(i));
  }
}

// The items of a dictionary, or of a list of pairs.
std::vector<std::pair<Value, Value>> pairs_of(Run& run, const Value& subject) {
  if (const Dict* dict = subject.dict()) return dict->entries();
  std::vector<std::pair<Value, Value>> pairs;
  for (const Value& item : items_of(run, subject)) {
    const std::vector<Value> pair = items_of(run, item);
    if (pair.size() != 2) fail("expected pairs of a name and a value");
    pairs.emplace_back(pair[0], pair[1]);
  }
  return pairs;
}

Value url_encode(Run& run, const Value& subject, const Arguments& arguments) {
  refuse_arguments(arguments, "urlencode");
  TextBuilder out(run.budget);
  if (!subject.dict() && !subject.sequence()) {
    append_quoted(to_text(run, subject), /*in_query=*/false, out);
    return run.text(out.take());
  }
  bool is_first = true;
  for (const auto& [name, value] : pairs_of(run, subject)) {
    if (!std::exchange(is_first, false)) out.append("&", Origin::kTemplate);
    append_quoted(to_text(run, name), /*in_query=*/true, out);
    out.append("=", Origin::kTemplate);
    append_quoted(to_text(run, value), /*in_query=*/true, out);
  }
  return run.text(out.take());
}

// A dictionary as the attributes of a tag.
Value xml_attributes(Run& run, const Value& subject, const Arguments& arguments) {
  const Parameters given(run, arguments, "xmlattr", {"autospace"});
  run.require_defined(subject);
  if (!subject.dict()) fail("xmlattr needs a dictionary, not '{}'", type_name(subject));
  const bool spaces = given.flag(0, true);
  TextBuilder out(run.budget);
  bool is_first = true;
  for (const auto& [name, value] : subject.dict()->entries()) {
    if (value.is_none() || value.is_undefined()) continue;
    const Text shown_name = to_text(run, name);
    if (shown_name.bytes().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      fail("Invalid character in attribute name: '{}'", shown_name.bytes());
    }
    if (!std::exchange(is_first, false) || spaces) out.append(" ", Origin::kTemplate);
    out.append(escape_html(run, shown_name));
    out.append("=\"", Origin::kTemplate);
    out.append(value.is_markup() ? value.text() : escape_html(run, to_text(run, value)));
    out.append("\"", Origin::kTemplate);
  }
  return run.text(out.take());
}

constexpr std::array kFilters = {
    NamedFunction{"urlencode", url_encode},
    NamedFunction{"xmlattr", xml_attributes},
};

}  // namespace

std::span<const NamedFunction> markup_filters() { return kFilters; }

}  // namespace linnet::jinja
