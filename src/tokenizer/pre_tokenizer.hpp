#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "tokenizer/regex.hpp"

namespace linnet {

/// Cuts a text at places of its own choosing, if no pattern does it in linear time. Calls `emit`
/// for each piece in order; together they are `text`.
using Cutter = void (*)(std::string_view text, const std::function<void(std::string_view)>& emit);

/// One pass over the text: what the pattern matches becomes a piece, and so does what lies between
/// two matches. Either `pattern` or `cutter` is set.
struct PreTokenizerStep {
  std::string_view pattern;
  Cutter cutter = nullptr;
};

/// What `tokenizer.ggml.pre` names.
struct PreTokenizerSpec {
  std::string_view name;
  std::span<const PreTokenizerStep> steps;  ///< each cuts the pieces of the one before
  bool normalises = false;                  ///< text is brought to normalisation form C first
  bool ignores_merges = false;              ///< a piece that is in the vocabulary is a token
  bool adds_bos = false;                    ///< if the file does not say
  bool escapes_spaces = false;  ///< pieces are UTF-8 with U+2581 for spaces, not GPT-2's alphabet
  bool ranks_by_id = false;     ///< a file without merges merges in the order of the ids
};

/// All that are known, sorted as in the table of pre_tokenizer_table.cpp.
std::span<const PreTokenizerSpec> known_pre_tokenizers();
/// Null if the name is not known.
const PreTokenizerSpec* find_pre_tokenizer(std::string_view name);

/// Cuts text into the words that byte-pair merges stay within. Immutable.
class PreTokenizer {
 public:
  static Result<PreTokenizer> make(const PreTokenizerSpec& spec);

  /// Calls `visit` with each word in order; together they are `text`, which must be valid UTF-8.
  Status for_each_word(std::string_view text,
                       const std::function<void(std::string_view)>& visit) const;

 private:
  struct Step {
    std::vector<Regex> regex;  // one, or none if there is a cutter
    Cutter cutter;
  };
  class Cut;

  std::vector<Step> steps_;
};

/// Cutters for digits in groups of three, counted from the right.
/// Each run of \p{N} by itself (AFMoE).
void cut_numbers_in_threes(std::string_view text,
                           const std::function<void(std::string_view)>& emit);
/// Each run of \p{Nd} that ends a word: \d{1,3}(?=(?:\d{3})*\b).
void cut_word_end_digits_in_threes(std::string_view text,
                                   const std::function<void(std::string_view)>& emit);
/// Before each group, so that the first one stays with what stands before: (?=(\d{3})+(?!\d)).
void cut_before_groups_of_three(std::string_view text,
                                const std::function<void(std::string_view)>& emit);

/// Spaces after the last line end among them, 512 at a time as long as more follow: what
/// \s{512}(?!\S) does after \s*[\r\n]+, which looks at all of them each time (Jais 2).
void cut_spaces_by_512(std::string_view text, const std::function<void(std::string_view)>& emit);

}  // namespace linnet
