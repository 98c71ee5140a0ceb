#include "tokenizer/charsmap.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

namespace linnet {
namespace {

std::uint32_t read_uint32(std::string_view bytes, std::size_t i) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + i, sizeof(value));
  return value;
}

// Units with this bit hold the place of a replacement, the others lead on.
constexpr std::uint32_t kValueBit = 1u << 31;

std::uint64_t offset_of(std::uint32_t unit) {
  return static_cast<std::uint64_t>(unit >> 10) << ((unit & (1u << 9)) >> 6);
}

}  // namespace

Status check_charsmap(std::string_view charsmap) {
  if (charsmap.size() < sizeof(std::uint32_t)) {
    return Error{fmt::format("it has {} bytes, expected at least 4", charsmap.size())};
  }
  const std::size_t array_bytes = read_uint32(charsmap, 0);
  const std::string_view rest = charsmap.substr(sizeof(std::uint32_t));
  // A step goes to any of 256 units that stand together.
  constexpr std::size_t kBlockBytes = 256 * sizeof(std::uint32_t);
  if (array_bytes == 0 || array_bytes % kBlockBytes != 0 || array_bytes >= rest.size()) {
    return Error{fmt::format("its double array has {} bytes, expected a multiple of {} below {}",
                             array_bytes, kBlockBytes, rest.size())};
  }
  const std::string_view replacements = rest.substr(array_bytes);
  if (replacements.back() != '\0') return Error{"its last replacement does not end in NUL"};
  const std::size_t units = array_bytes / sizeof(std::uint32_t);
  for (std::size_t i = 0; i < units; ++i) {
    const std::uint32_t unit = read_uint32(rest, i * sizeof(std::uint32_t));
    const bool is_value = (unit & kValueBit) != 0;
    if (is_value ? (unit & ~kValueBit) >= replacements.size() : (i ^ offset_of(unit)) >= units) {
      return Error{fmt::format("unit {} of its double array leads out of the data", i)};
    }
  }
  return {};
}

}  // namespace linnet
