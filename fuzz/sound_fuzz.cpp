// Any bytes as a sound: a sentence, or a sound that is no longer than allowed.

#include <cmath>
#include <cstdint>

#include "require.hpp"
#include "sound/decode.hpp"

namespace linnet {
namespace {

constexpr SoundLimits kLimits = {.most_seconds = 4, .most_samples = 1 << 20};

using fuzz::require;

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  const auto sound = decode_sound(std::as_bytes(std::span(data, size)), kLimits);
  if (!sound) {
    require(sound.error().message.find(": ") != std::string::npos);
    return 0;
  }
  require(!sound->samples.empty());
  require(std::ssize(sound->samples) <= kLimits.most_seconds * kSoundRate);
  for (const float sample : sound->samples) require(std::abs(sample) < 2.0f);
  return 0;
}
