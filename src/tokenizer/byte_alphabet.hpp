#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace linnet {

/// GPT-2's alphabet, which writes each byte as a printable character
/// (https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode).
std::string byte_to_character(unsigned char byte);

/// The bytes that a piece in that alphabet stands for; nothing if it holds other characters.
std::optional<std::string> characters_to_bytes(std::string_view piece);

}  // namespace linnet
