#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file_codec.hpp"
#include "sound/decode.hpp"

namespace linnet {

/// A kind of sound file, an entry in decode.cpp. `decode` makes the promises of decode_sound.
using SoundCodec = FileCodec<Sound, SoundLimits>;

extern const SoundCodec kWav;
extern const SoundCodec kFlac;
extern const SoundCodec kOgg;
extern const SoundCodec kMp3;

/// A file in memory, for libraries that read files.
struct SoundSource {
  std::span<const std::byte> file;
  std::int64_t at = 0;

  /// Bytes read, which are fewer at the end.
  std::int64_t read(void* to, std::int64_t count);
  /// As lseek: the new place, or -1 if that is outside.
  std::int64_t seek(std::int64_t offset, int whence);
};

}  // namespace linnet
