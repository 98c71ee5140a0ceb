#include "sound/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/guarded.hpp"
#include "sound/codecs/codec.hpp"

namespace linnet {
namespace {

constexpr const SoundCodec* kCodecs[] = {&kWav, &kFlac, &kOgg, &kMp3};

std::string first_bytes(std::span<const std::byte> file) {
  std::string bytes;
  for (const std::byte byte : file.first(std::min<std::size_t>(file.size(), 4))) {
    bytes += fmt::format("{}{:02x}", bytes.empty() ? "" : " ", std::to_integer<int>(byte));
  }
  return bytes;
}

}  // namespace

Result<Sound> decode_sound(std::span<const std::byte> file, const SoundLimits& limits) {
  if (file.empty()) return Error{"sound: is empty"};
  for (const SoundCodec* codec : kCodecs) {
    if (!codec->recognises(file)) continue;
    auto sound = guarded([&] { return codec->decode(file, limits); });
    if (!sound) return Error{fmt::format("{}: {}", codec->name, sound.error().message)};
    return sound;
  }
  return Error{fmt::format("sound: is neither WAV, FLAC, MP3 nor Ogg (it begins with {})",
                           first_bytes(file))};
}

}  // namespace linnet
