#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet {

/// `tokenizer.ggml.precompiled_charsmap`, SentencePiece's normalisation rules: which sequences of
/// bytes are replaced by which. Layout: the size in bytes of a double array (32 bits,
/// little-endian), the array (units as in https://github.com/s-yata/darts-clone), and the
/// replacements, each with a NUL at its end.
class Charsmap {
 public:
  /// No rules.
  Charsmap() = default;
  /// An Error if the array could lead out of the data, so that replace() need not look.
  static Result<Charsmap> read(std::string_view bytes);

  struct Rule {
    std::size_t bytes;  ///< that are replaced
    std::string_view replacement;
  };
  /// The longest rule that `text` begins with.
  std::optional<Rule> find(std::string_view text) const;

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace linnet
