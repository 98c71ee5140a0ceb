#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/hex.hpp"
#include "base/result.hpp"
#include "grammar/automata/character_set.hpp"

namespace linnet::grammar {

/// What the parsers of this module, recursive descents all, share: a place in a text and the first
/// error, after which every function of theirs returns at once.
class TextReader {
 protected:
  explicit TextReader(std::string_view text) : text_(text) {}

  void fail_with(Error error) {
    if (failed_) return;
    failed_ = true;
    error_ = std::move(error);
  }
  bool at_end() const { return failed_ || at_ >= text_.size(); }
  /// 0 past the end.
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool at_digit() const { return !failed_ && peek() >= '0' && peek() <= '9'; }
  /// Goes past `expected` where the text goes on with it.
  bool take(std::string_view expected) {
    if (failed_ || text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  /// The decimal number here, which ends where it exceeds kLargestCount.
  std::uint64_t take_count() {
    std::uint64_t value = 0;
    for (; at_digit() && value <= kLargestCount; ++at_) {
      value = value * 10 + static_cast<std::uint64_t>(peek() - '0');
    }
    return value;
  }
  /// The number that `count` hexadecimal digits spell, -1 if they are not there.
  std::int64_t take_hex(int count) {
    std::int64_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const int digit = hex_digit(peek());
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  static constexpr int kDeepest = 64;  // groups in groups
  static constexpr std::uint64_t kLargestCount = 1'000'000'000;

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
  Error error_;
};

/// Neither beyond Unicode nor half of a pair of UTF-16.
constexpr bool is_unicode_character(std::int64_t value) {
  return value >= 0 && value <= kLastCharacter && (value < 0xd800 || value > 0xdfff);
}

}  // namespace linnet::grammar
