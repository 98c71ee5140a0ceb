#include "sound/decode.hpp"

#include "sound/codecs/codec.hpp"

namespace linnet {
namespace {

constexpr const SoundCodec* kCodecs[] = {&kWav, &kFlac, &kOgg, &kMp3};

}  // namespace

Result<Sound> decode_sound(std::span<const std::byte> file, const SoundLimits& limits) {
  return decode_file<Sound, SoundLimits>(kCodecs, file, limits, "sound", "WAV, FLAC, MP3 nor Ogg");
}

}  // namespace linnet
