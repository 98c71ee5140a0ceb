#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "chat/output/call_syntax.hpp"

namespace linnet {

/// Finds where calls end, in a text that grows: the first of the ends that stands in no value of a
/// call. All of find() together takes linear time.
class SectionEnd {
 public:
  SectionEnd() = default;
  SectionEnd(std::string_view end, const CallValues& values) : ends_{end}, values_(values) {}
  SectionEnd(std::vector<std::string_view> ends, const CallValues& values)
      : ends_(std::move(ends)), values_(values) {}
  /// The first one, wherever it stands.
  explicit SectionEnd(std::string_view end) : ends_{end} {}

  /// Where it begins in `text`, which is that of the last call or longer; npos: not yet.
  std::size_t find(std::string_view text);
  /// The end that was found.
  std::string_view found() const { return found_; }
  /// True where a string is not one, so that what stands in values cannot be told.
  bool failed() const { return failed_; }
  /// Bytes that were looked through.
  std::size_t searched() const { return at_; }

 private:
  enum class Place { kOutside, kTag, kValue, kString, kEnd };

  // Each goes on from at_; false where more text is needed.
  bool step(std::string_view text);
  bool step_outside(std::string_view text);
  bool step_tag(std::string_view text);
  bool step_value(std::string_view text);
  bool step_string(std::string_view text);
  bool is_quote(char c) const;
  void count_depth(char c);

  std::vector<std::string_view> ends_;
  std::string_view found_;
  CallValues values_;
  Place place_ = Place::kOutside;
  std::size_t at_ = 0;  // what stands before is looked through
  const ValueMarks* mark_ = nullptr;
  std::string_view value_end_;
  char quote_ = '"';
  std::size_t depth_ = 0;  // of lists and objects, where they are nested
  bool failed_ = false;
};

}  // namespace linnet
