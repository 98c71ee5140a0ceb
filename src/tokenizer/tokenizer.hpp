#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet {

/// Bytes `begin` to `end` (exclusive) of a text.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct EncodeOptions {
  bool add_special = false;    ///< put BOS / EOS around the text as the vocabulary asks for it
  bool parse_special = false;  ///< recognise control and user-defined tokens written in the text
  /// Where control tokens are not recognised nevertheless: in order, apart. What a user writes into
  /// a conversation stays text.
  std::span<const TextRange> plain{};
  /// Asked now and then, if it is there: once it says so, encode() ends with an Error.
  const std::function<bool()>* is_given_up = nullptr;
};

/// The tokens that a vocabulary wants around texts: BOS, EOS, CLS, SEP.
struct TokensAround {
  std::vector<TokenId> before;   ///< a text
  std::vector<TokenId> between;  ///< two texts that are read as a pair
  std::vector<TokenId> after;    ///< the last text
};

/// Text to token ids and back. Immutable after creation and safe to use from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// The ids of `text`; an Error if it is not valid UTF-8 or larger than 512 MiB. NUL characters
  /// are text like any other. Takes n log n time, even for one long word, and meanwhile
  /// up to 32 bytes of memory for each byte of a word.
  virtual Result<std::vector<TokenId>> encode(std::string_view text,
                                              const EncodeOptions& options) const = 0;

  /// A lower bound on the tokens of any text of `text_bytes` bytes, found without looking at it; 0
  /// if there is none, because some texts have no tokens.
  virtual std::int64_t fewest_tokens(std::size_t) const { return 0; }

  /// The bytes that `id` adds to the text when it follows another token (for SentencePiece kinds a
  /// leading space is part of the piece). Control tokens give "" unless `show_special`. Ids outside
  /// the vocabulary give "". The bytes of one token need not be valid UTF-8: see Detokenizer.
  virtual std::string token_bytes(TokenId id, bool show_special) const = 0;

  /// True if the text of a sequence starts without the space that its first token begins with.
  virtual bool strips_leading_space() const = 0;

  virtual std::int64_t vocabulary_size() const = 0;
  virtual std::string_view piece(TokenId id) const = 0;  ///< as stored in the file
  virtual std::optional<TokenId> bos() const = 0;
  virtual std::optional<TokenId> eos() const = 0;
  virtual bool is_end_of_generation(TokenId id) const = 0;
  virtual bool is_control(TokenId id) const = 0;
  /// What encode() puts around a text if `add_special` asks for it, and what stands in a pair.
  virtual const TokensAround& around() const = 0;
};

/// Builds the tokenizer that the metadata of `file` describes; the file may be closed afterwards.
/// Errors: a `tokenizer.ggml.model` or `tokenizer.ggml.pre` that is not known (named, with the
/// known ones), a broken vocabulary. Null for `no_vocab` files. `pre` overrides
/// `tokenizer.ggml.pre` if not empty; an Error if the kind of tokenizer has no use for it.
Result<std::unique_ptr<Tokenizer>> make_tokenizer(const gguf::File& file,
                                                  std::string_view pre = {});

/// Turns tokens into text as they come: holds back an incomplete UTF-8 character until its last
/// byte arrives (constant work a token). Bytes that can't begin or continue a character come out as
/// U+FFFD.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool at_start = true, bool show_special = false)
      : tokenizer_(tokenizer), at_start_(at_start), show_special_(show_special) {}

  /// The complete characters that `id` finishes; may be empty.
  std::string push(TokenId id);
  /// What is still held back, as U+FFFD; call at the end.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool at_start_;
  bool show_special_;
  std::string pending_;
};

}  // namespace linnet
