#include "base/base64.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace linnet {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// By the digits; -1 if a character is none.
constexpr std::array<int, 256> kValues = [] {
  std::array<int, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<int>(i);
  }
  return values;
}();

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) {
      text += k < digits ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

Result<std::vector<std::byte>> decode_base64(std::string_view text) {
  std::size_t digits = text.size();
  for (int i = 0; i < 2 && digits > 0 && text[digits - 1] == '='; ++i) --digits;
  std::vector<std::byte> bytes;
  bytes.reserve(digits / 4 * 3 + 2);
  std::uint32_t rest = 0;  // its lowest `bits` are no byte yet
  int bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int value = kValues[static_cast<unsigned char>(text[i])];
    if (value < 0) return Error{fmt::format("byte {} is no digit of base64", i)};
    rest = rest << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<std::byte>(rest >> bits & 255));
  }
  if (text.size() % 4 != 0) {
    return Error{fmt::format("the base64 has {} digits with its padding, expected a multiple of 4",
                             text.size())};
  }
  if ((rest & ((1u << bits) - 1)) != 0) return Error{"the base64 has bits behind the last byte"};
  return bytes;
}

}  // namespace linnet
