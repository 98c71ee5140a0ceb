#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "sound/decode.hpp"

namespace linnet {

/// A kind of sound file, an entry in decode.cpp.
struct SoundCodec {
  std::string_view name;
  bool (*recognises)(std::span<const std::byte> file);
  /// The promises of decode_sound; errors do not begin with the name.
  Result<Sound> (*decode)(std::span<const std::byte> file, const SoundLimits& limits);
};

extern const SoundCodec kWav;
extern const SoundCodec kFlac;
extern const SoundCodec kOgg;
extern const SoundCodec kMp3;

/// What the codecs share.

/// Whether `bytes` stand at byte `at`.
bool has_bytes(std::span<const std::byte> file, std::size_t at, std::string_view bytes);

/// A file in memory, for libraries that read files.
struct SoundSource {
  std::span<const std::byte> file;
  std::int64_t at = 0;

  /// Bytes read, which are fewer at the end.
  std::int64_t read(void* to, std::int64_t count);
  /// As lseek: the new place, or -1 where that is outside.
  std::int64_t seek(std::int64_t offset, int whence);
};

}  // namespace linnet
