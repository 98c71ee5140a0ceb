#include "base/file_codec.hpp"

#include <algorithm>
#include <cstring>

#include "base/printable.hpp"

namespace linnet {

bool has_bytes(std::span<const std::byte> file, std::size_t at, std::string_view bytes) {
  return file.size() >= at + bytes.size() &&
         std::memcmp(file.data() + at, bytes.data(), bytes.size()) == 0;
}

Error cut_short(std::span<const std::byte> file) {
  return Error{fmt::format("is cut short after {} bytes", file.size())};
}

Error damaged(std::string_view why) {
  return Error{fmt::format("cannot be decoded: {}", printable(why))};
}

Error unknown_kind(std::span<const std::byte> file, std::string_view content,
                   std::string_view expected) {
  std::string begin;
  for (const std::byte byte : file.first(std::min<std::size_t>(file.size(), 4))) {
    begin += fmt::format("{}{:02x}", begin.empty() ? "" : " ", std::to_integer<int>(byte));
  }
  return Error{fmt::format("{}: is neither {} (it begins with {})", content, expected, begin)};
}

}  // namespace linnet
