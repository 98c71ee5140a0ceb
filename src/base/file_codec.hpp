#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/guarded.hpp"
#include "base/result.hpp"

namespace linnet {

/// A kind of file whose first bytes tell it from others, and what its library makes of a whole one.
template <class Content, class Limits>
struct FileCodec {
  std::string_view name;
  bool (*recognises)(std::span<const std::byte> file);
  /// The promises of decode_file's caller; errors do not begin with the name.
  Result<Content> (*decode)(std::span<const std::byte> file, const Limits& limits);
};

/// Whether `bytes` stand at byte `at`.
bool has_bytes(std::span<const std::byte> file, std::size_t at, std::string_view bytes);
inline bool begins_with(std::span<const std::byte> file, std::string_view bytes) {
  return has_bytes(file, 0, bytes);
}

/// The Error of a file that ends before its contents do.
Error cut_short(std::span<const std::byte> file);

/// The Error of a file that its format's library does not accept: `why` is what the library says.
Error damaged(std::string_view why);

/// The Error of a file that no codec recognises: `expected` lists their kinds, as "A, B nor C".
Error unknown_kind(std::span<const std::byte> file, std::string_view content,
                   std::string_view expected);

/// What the first of `codecs` that recognises `file` makes of it; an Error begins with its name, or
/// with `content`, what is looked for. What libraries throw is an Error, too.
template <class Content, class Limits>
Result<Content> decode_file(std::span<const FileCodec<Content, Limits>* const> codecs,
                            std::span<const std::byte> file, const Limits& limits,
                            std::string_view content, std::string_view expected) {
  if (file.empty()) return Error{fmt::format("{}: is empty", content)};
  for (const FileCodec<Content, Limits>* const codec : codecs) {
    if (!codec->recognises(file)) continue;
    auto decoded = guarded([&] { return codec->decode(file, limits); });
    if (!decoded) return Error{fmt::format("{}: {}", codec->name, decoded.error().message)};
    return decoded;
  }
  return unknown_kind(file, content, expected);
}

}  // namespace linnet
