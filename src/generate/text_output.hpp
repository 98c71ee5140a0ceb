#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Holds back text that may be the beginning of a stop string, and ends at the first one.
class StopStrings {
 public:
  /// Empty strings stop nothing.
  explicit StopStrings(std::vector<std::string> strings);

  /// What can be shown now that `text` has come. Once stopped, always empty.
  std::string push(std::string_view text);
  /// What was held back; call once, at the end.
  std::string finish();

  /// True after a stop string, which was not shown.
  bool stopped() const { return stopped_; }
  /// The stop string that has come; empty before.
  const std::string& stopped_by() const { return stopped_by_; }

 private:
  std::size_t held_length() const;

  std::vector<std::string> strings_;
  std::size_t longest_ = 0;
  std::string held_;
  bool stopped_ = false;
  std::string stopped_by_;
};

/// Tokens to text as a person is to see it: whole characters, up to a stop string.
class TextOutput {
 public:
  /// Stop strings are looked for from token `min_tokens` on. The tokenizer must outlive this.
  TextOutput(Detokenizer detokenizer, std::vector<std::string> stop_strings,
             std::int64_t min_tokens = 0)
      : detokenizer_(std::move(detokenizer)),
        stop_strings_(std::move(stop_strings)),
        min_tokens_(min_tokens) {}

  std::string push(TokenId token);
  std::string finish();
  bool stopped() const { return stop_strings_.stopped(); }

 private:
  Detokenizer detokenizer_;
  StopStrings stop_strings_;
  std::int64_t min_tokens_;
  std::int64_t tokens_ = 0;
};

}  // namespace linnet
