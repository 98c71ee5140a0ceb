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
  /// True if the text ends with what may begin a stop string.
  bool is_holding() const { return !held_.empty(); }
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
  struct Options {
    std::vector<std::string> stops;     ///< strings that end the text and are not part of it
    std::int64_t min_tokens = 0;        ///< no stop string is looked for in the first ones
    std::vector<TokenId> shown_tokens;  ///< control tokens whose text is part of it, ascending
  };

  /// The tokenizer must outlive this. The text follows another one, a prompt.
  TextOutput(const Tokenizer& tokenizer, Options options);

  /// What can be shown now that `token` has come. Once stopped, always empty.
  std::string push(TokenId token);
  /// What was held back: the beginning of a stop string, and U+FFFD for that of a character. Call
  /// once, at the end. It may stop the text, too.
  std::string finish();

  bool stopped() const { return stop_strings_.stopped(); }
  /// The stop string that has come; empty before.
  const std::string& stopped_by() const { return stop_strings_.stopped_by(); }
  /// What the latest push() or finish() added, whether it is shown or not.
  const std::string& added() const { return added_; }

 private:
  std::string show_added();

  const Tokenizer& tokenizer_;
  Detokenizer detokenizer_;
  StopStrings stop_strings_;
  std::int64_t min_tokens_;
  std::vector<TokenId> shown_tokens_;
  std::int64_t tokens_ = 0;
  std::string added_;
};

}  // namespace linnet
