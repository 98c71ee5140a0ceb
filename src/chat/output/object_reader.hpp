#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace linnet {

/// Reads a JSON object that comes in pieces, and writes it as json_text() would write the whole.
/// For objects that a grammar holds: that it is valid JSON is not checked but for its values and
/// its depth, and a key that comes twice stands there twice.
class ObjectReader {
 public:
  /// Reads on in `text`, which begins with the first byte that was not taken yet, and adds what can
  /// be written of it to `written`; the bytes that were taken.
  std::size_t read(std::string_view text, std::string& written);

  bool is_complete() const { return state_ == State::kComplete; }
  /// True where it is no JSON, or too deep: nothing more is read.
  bool failed() const { return state_ == State::kFailed; }

 private:
  enum class State { kOutside, kString, kComplete, kFailed };

  // Each takes something off `text`; false where it can't.
  bool step(std::string_view& text, std::string& written);
  bool step_outside(std::string_view& text, std::string& written);
  bool step_string(std::string_view& text, std::string& written);
  bool write_value(std::string_view value, std::string& written);
  void take_bracket(char bracket);

  State state_ = State::kOutside;
  int depth_ = 0;
};

}  // namespace linnet
