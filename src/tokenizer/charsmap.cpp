#include "tokenizer/charsmap.hpp"

#include <fmt/format.h>

#include <cstring>

namespace linnet {
namespace {

// Units with this bit hold the place of a replacement, the others lead on.
constexpr std::uint32_t kValueBit = 1u << 31;
constexpr std::size_t kLongestReplacement = 1024;  // of Unicode's own none has more than 33 bytes

std::uint64_t offset_of(std::uint32_t unit) {
  return static_cast<std::uint64_t>(unit >> 10) << ((unit & (1u << 9)) >> 6);
}
// The byte that leads to the unit; no byte equals that of a value.
std::uint32_t label_of(std::uint32_t unit) { return unit & (kValueBit | 0xff); }
bool has_value(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }

}  // namespace

Result<Charsmap> Charsmap::read(std::string_view bytes) {
  std::uint32_t array_bytes = 0;
  if (bytes.size() < sizeof(array_bytes)) {
    return Error{fmt::format("it has {} bytes, expected at least 4", bytes.size())};
  }
  std::memcpy(&array_bytes, bytes.data(), sizeof(array_bytes));
  bytes.remove_prefix(sizeof(array_bytes));
  // A step goes to any of 256 units that stand together.
  constexpr std::size_t kBlockBytes = 256 * sizeof(std::uint32_t);
  if (array_bytes == 0 || array_bytes % kBlockBytes != 0 || array_bytes >= bytes.size()) {
    return Error{fmt::format("its double array has {} bytes, expected a multiple of {} below {}",
                             array_bytes, kBlockBytes, bytes.size())};
  }
  Charsmap result;
  result.units_.resize(array_bytes / sizeof(std::uint32_t));
  std::memcpy(result.units_.data(), bytes.data(), array_bytes);
  result.replacements_ = std::string(bytes.substr(array_bytes));
  if (result.replacements_.back() != '\0') {
    return Error{"its last replacement does not end in NUL"};
  }
  for (std::size_t i = 0; i < result.units_.size(); ++i) {
    const std::uint32_t unit = result.units_[i];
    const bool is_value = i > 0 && (unit & kValueBit) != 0;  // all rules begin at the first
    if (is_value ? (unit & ~kValueBit) >= result.replacements_.size()
                 : (i ^ offset_of(unit)) >= result.units_.size()) {
      return Error{fmt::format("unit {} of its double array leads out of the data", i)};
    }
    if (!is_value) continue;
    const std::string_view rest = std::string_view(result.replacements_).substr(unit & ~kValueBit);
    if (rest.substr(0, kLongestReplacement + 1).find('\0') == std::string_view::npos) {
      return Error{fmt::format("the replacement of unit {} is longer than {} bytes", i,
                               kLongestReplacement)};
    }
  }
  return result;
}

std::optional<Charsmap::Rule> Charsmap::find(std::string_view text) const {
  if (units_.empty()) return std::nullopt;
  std::optional<Rule> longest;
  std::uint64_t place = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    place ^= byte;
    const std::uint32_t unit = units_[place];
    if (byte == 0 || label_of(unit) != byte) break;
    place ^= offset_of(unit);
    if (!has_value(unit)) continue;
    if ((units_[place] & kValueBit) == 0) break;  // not a value after all
    longest = {i + 1, replacements_.c_str() + (units_[place] & ~kValueBit)};
  }
  return longest;
}

}  // namespace linnet
