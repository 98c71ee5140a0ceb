#pragma once

#include <string_view>

#include "base/result.hpp"

namespace linnet {

/// Checks `tokenizer.ggml.precompiled_charsmap`, SentencePiece's normalisation rules: the size in
/// bytes of a double array (32 bits, little-endian), the array (units as in
/// https://github.com/s-yata/darts-clone), and replacements that end in NUL. The library follows
/// the array without looking at its bounds; what passes here can't lead it out of them.
Status check_charsmap(std::string_view charsmap);

}  // namespace linnet
