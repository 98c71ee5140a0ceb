#include <algorithm>

#include "chat/jinja/access.hpp"
#include "chat/jinja/format.hpp"
#include "chat/jinja/print.hpp"

namespace linnet::jinja {
namespace {

// text.format(): goes through the fields in order.
class BraceFormatter {
 public:
  BraceFormatter(Run& run, const Text& format, const Arguments& arguments)
      : run_(run),
        format_(format),
        bytes_(format.bytes()),
        arguments_(arguments),
        out_(run.budget) {}

  Text format() {
    for (std::size_t at = 0; at < bytes_.size();) {
      const std::size_t brace = std::min(bytes_.find_first_of("{}", at), bytes_.size());
      out_.append(format_, at, brace);
      if (brace == bytes_.size()) break;
      if (brace + 1 < bytes_.size() && bytes_[brace + 1] == bytes_[brace]) {
        out_.append(format_, brace, brace + 1);
        at = brace + 2;
      } else {
        if (bytes_[brace] == '}') fail("a format string has a single '}}'");
        at = write_field(brace + 1);
      }
    }
    return out_.take();
  }

 private:
  // Writes the field that begins after the brace; the position after it.
  std::size_t write_field(std::size_t begin) {
    const std::size_t end = end_of_field(begin);
    std::string_view field = bytes_.substr(begin, end - begin);
    const std::size_t colon = end_of_name(field, ":!");
    const std::string_view name = field.substr(0, colon);
    field.remove_prefix(colon);
    char conversion = 0;
    if (field.starts_with('!')) {
      if (field.size() < 2) fail("a format string has an empty conversion");
      conversion = field[1];
      field.remove_prefix(2);
      if (!field.empty() && field[0] != ':') fail("a format string has a broken conversion");
    }
    const std::string_view spec = field.empty() ? field : field.substr(1);
    if (spec.find('{') != std::string_view::npos)
      fail("nested fields in formats are not supported");
    Value value = lookup(name);
    if (conversion == 'r') value = run_.text(to_repr(run_, value));
    if (conversion == 's') value = run_.text(to_text(run_, value));
    out_.append(format_value(run_, value, parse_format_spec(spec)));
    return end + 1;
  }

  std::size_t end_of_field(std::size_t begin) const {
    int depth = 1;
    for (std::size_t at = begin; at < bytes_.size(); ++at) {
      depth += bytes_[at] == '{' ? 1 : bytes_[at] == '}' ? -1 : 0;
      if (depth == 0) return at;
    }
    fail("a format string has a '{{' without an end");
  }

  static std::size_t end_of_name(std::string_view field, std::string_view ends) {
    bool in_brackets = false;
    for (std::size_t at = 0; at < field.size(); ++at) {
      if (field[at] == '[') in_brackets = true;
      if (field[at] == ']') in_brackets = false;
      if (!in_brackets && ends.find(field[at]) != std::string_view::npos) return at;
    }
    return field.size();
  }

  Value lookup(std::string_view name) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, end));
    name.remove_prefix(end);
    while (!name.empty()) {
      const bool is_item = name[0] == '[';
      const std::size_t stop =
          is_item ? name.find(']') : std::min(name.find_first_of(".[", 1), name.size());
      if (stop == std::string_view::npos) fail("a format string has a '[' without an end");
      const std::string_view part = name.substr(1, stop - 1);
      value = is_item ? get_item(run_, value, key_of(part)) : get_attribute(run_, value, part);
      name.remove_prefix(stop + (is_item ? 1 : 0));
    }
    return value;
  }

  Value key_of(std::string_view part) {
    const bool is_number = !part.empty() && part.size() < 10 &&
                           part.find_first_not_of("0123456789") == std::string_view::npos;
    return is_number ? Value(std::stoi(std::string(part))) : run_.text(part);
  }

  Value argument(std::string_view name) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_number) {
      run_.budget.compare(1, arguments_.keyword.size());
      const auto found =
          std::ranges::find(arguments_.keyword, name, [](const auto& pair) { return pair.first; });
      if (found == arguments_.keyword.end()) fail("format() has no argument '{}'", name);
      return found->second;
    }
    std::size_t at = 0;
    const std::size_t index =
        name.empty() ? next_++ : static_cast<std::size_t>(read_number(name, at, 1'000'000));
    if (index >= arguments_.positional.size()) fail("format() has no argument number {}", index);
    return arguments_.positional[index];
  }

  Run& run_;
  const Text& format_;
  std::string_view bytes_;
  const Arguments& arguments_;
  TextBuilder out_;
  std::size_t next_ = 0;
};

}  // namespace

Text brace_format(Run& run, const Text& format, const Arguments& arguments) {
  return BraceFormatter(run, format, arguments).format();
}

}  // namespace linnet::jinja
