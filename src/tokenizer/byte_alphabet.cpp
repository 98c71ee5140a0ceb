#include "tokenizer/byte_alphabet.hpp"

#include <array>

#include "base/utf8.hpp"

namespace linnet {
namespace {

constexpr bool is_printable(int byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

// Printable bytes stand for themselves, the others for U+0100 and following.
constexpr std::array<char32_t, 256> make_characters() {
  std::array<char32_t, 256> characters{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    characters[byte] = is_printable(byte) ? static_cast<char32_t>(byte) : next++;
  }
  return characters;
}
constexpr std::array<char32_t, 256> kCharacters = make_characters();
constexpr char32_t kEnd = 0x100 + 68;  // 68 bytes are not printable

constexpr std::array<int, kEnd> make_bytes() {
  std::array<int, kEnd> bytes{};
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = byte;
  return bytes;
}
constexpr std::array<int, kEnd> kBytes = make_bytes();

}  // namespace

std::string byte_to_character(unsigned char byte) {
  std::string character;
  append_utf8(character, kCharacters[byte]);
  return character;
}

std::optional<std::string> characters_to_bytes(std::string_view piece) {
  if (!is_valid_utf8(piece)) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < piece.size(); i += utf8_length(piece[i])) {
    const char32_t character = first_code_point(piece.substr(i));
    if (character >= kEnd || kBytes[character] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[character]);
  }
  return bytes;
}

}  // namespace linnet
