#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/output/call_syntax.hpp"
#include "chat/output/section_end.hpp"

namespace linnet {

/// Reads tags in order. They are not XML: nothing is escaped, and a name may follow the tag's.
class TagReader {
 public:
  explicit TagReader(std::string_view text) : text_(text) {}

  bool at_end() const { return trimmed(text_).empty(); }
  std::string_view rest() const { return text_; }

  bool skip(std::string_view prefix) {
    const std::size_t begin = text_.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos || !text_.substr(begin).starts_with(prefix)) return false;
    text_.remove_prefix(begin + prefix.size());
    return true;
  }

  /// The text before `end`, which is passed; false where there is none.
  bool read_until(std::string_view end, std::string_view& before) {
    return take(text_.find(end), end, before);
  }
  /// The same, but for an `end` within `values`.
  bool read_until(std::string_view end, const CallValues& values, std::string_view& before) {
    return take(SectionEnd(end, values).find(text_), end, before);
  }

 private:
  bool take(std::size_t found, std::string_view end, std::string_view& before) {
    if (found == std::string_view::npos) return false;
    before = text_.substr(0, found);
    text_.remove_prefix(found + end.size());
    return true;
  }

  std::string_view text_;
};

/// All calls up to the reader's end, of which there is at least one; `read` gives the next.
template <class Reader, class ReadCall>
Result<std::vector<ParsedCall>> read_calls(const Reader& reader, const ReadCall& read) {
  std::vector<ParsedCall> calls;
  do {
    Result<ParsedCall> call = read();
    if (!call) return call.error();
    calls.push_back(std::move(*call));
  } while (!reader.at_end());
  return calls;
}

/// The value of name="..." in a tag; nothing where it has none.
inline std::string_view attribute(std::string_view tag, std::string_view name) {
  constexpr std::string_view kSign = "=\"";
  for (std::size_t at; (at = tag.find(kSign)) != std::string_view::npos;) {
    const std::string_view before = trimmed(tag.substr(0, at));
    tag.remove_prefix(at + kSign.size());
    const std::string_view value = tag.substr(0, tag.find('"'));
    if (before.substr(before.find_last_of(" \t\r\n") + 1) == name) return value;  // npos + 1 is 0
    tag.remove_prefix(std::min(value.size() + 1, tag.size()));
  }
  return {};
}

}  // namespace linnet
