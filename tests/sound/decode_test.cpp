#include "sound/decode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ogg/ogg.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "sound/support.hpp"
#include "support/mutated_bytes.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

std::string sound(const std::string& name) { return test::read_file(test::kSounds / name); }

Result<Sound> decode(const std::string& file, const SoundLimits& limits = {}) {
  return decode_sound(std::as_bytes(std::span(file)), limits);
}

std::string error_of(const std::string& file, const SoundLimits& limits = {}) {
  const auto decoded = decode(file, limits);
  return decoded ? "no error" : decoded.error().message;
}

class DecodeSoundTest : public testing::TestWithParam<std::string> {
 protected:
  bool is_compressed() const { return !GetParam().ends_with(".wav"); }
  // Whether the file has the two tones of sounds.cpp.
  bool is_stereo() const {
    const std::string name = GetParam();
    return is_compressed() || name == "floats.wav" || name == "extensible.wav";
  }
  const std::string file_ = sound(GetParam());
};

TEST_P(DecodeSoundTest, GivesTheTonesThatAreInIt) {
  const auto decoded = decode(file_);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_NEAR(std::ssize(decoded->samples), kSoundRate / 8, GetParam() == "stereo.mp3" ? 1200 : 40);
  const auto middle = std::span(decoded->samples).subspan(400, 1200);
  const double factor = is_stereo() ? 0.5 : 1.0;
  const double tolerance = is_compressed() ? 0.02 : 0.01;
  EXPECT_NEAR(test::amplitude_of(440.0, middle), 0.5 * factor, tolerance);
  EXPECT_NEAR(test::amplitude_of(660.0, middle), is_stereo() ? 0.125 : 0.0, tolerance);
  EXPECT_NEAR(test::amplitude_of(2000.0, middle), 0.0, tolerance);
}

TEST_P(DecodeSoundTest, HasTheRateThatIsAskedFor) {
  const auto usual = decode(file_), faster = decode(file_, {.rate = 24000});
  ASSERT_TRUE(usual && faster);
  EXPECT_NEAR(std::ssize(faster->samples), std::ssize(usual->samples) * 3 / 2, 2);
}

TEST_P(DecodeSoundTest, CutAnywhereIsASoundOrAnError) {
  const auto whole = decode(file_);
  ASSERT_TRUE(whole);
  for (std::size_t size_bytes = 0; size_bytes < file_.size();
       size_bytes += size_bytes < 200 ? 1 : 97) {
    // Exactly so many bytes, so that a sanitizer notices what reads on.
    const auto cut = decode(std::string(file_.data(), size_bytes));
    if (cut) {
      EXPECT_FALSE(cut->samples.empty());
      EXPECT_LE(cut->samples.size(), whole->samples.size() + 4000) << size_bytes;
    } else {
      EXPECT_THAT(cut.error().message, HasSubstr(": ")) << size_bytes;
    }
  }
}

TEST_P(DecodeSoundTest, DamagedIsASoundOrAnError) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto decoded = decode(test::MutatedBytes(file_, seed).damaged(), {.most_seconds = 2});
    if (decoded) {
      EXPECT_LE(std::ssize(decoded->samples), 2 * kSoundRate) << "seed " << seed;
      for (const float sample : decoded->samples) {
        ASSERT_TRUE(std::abs(sample) < 2.0f) << "seed " << seed;  // the filter may overshoot
      }
    } else {
      EXPECT_THAT(decoded.error().message, HasSubstr(": ")) << "seed " << seed;
    }
  }
}

TEST_P(DecodeSoundTest, IsRefusedWhereFewerSamplesAreAllowed) {
  EXPECT_THAT(error_of(file_, {.most_samples = 500}),
              HasSubstr("has more than the 500 samples that are allowed"));
  EXPECT_THAT(error_of(file_, {.most_seconds = 0}),
              HasSubstr("lasts longer than the 0 seconds that are allowed"));
}

INSTANTIATE_TEST_SUITE_P(Golden, DecodeSoundTest, testing::ValuesIn(test::sound_files()),
                         test::test_name<std::string>);

TEST(DecodeSoundTest, ThereAreSoundsOfAllKinds) {
  EXPECT_TRUE(test::have_endings(test::sound_files(), {".wav", ".flac", ".ogg", ".mp3"}));
}

TEST(DecodeSoundTest, OfOtherFilesTheFirstBytesAreTold) {
  EXPECT_EQ(error_of(""), "sound: is empty");
  EXPECT_EQ(error_of("%PDF-1.4"),
            "sound: is neither WAV, FLAC, MP3 nor Ogg (it begins with 25 50 44 46)");
  EXPECT_THAT(error_of("RIFF\x04\0\0\0WEBP"s), testing::StartsWith("sound: is neither"));
  EXPECT_THAT(error_of("FORM\0\0\0\x04AIFF"s), testing::StartsWith("sound: is neither"));
}

TEST(DecodeSoundTest, ErrorsBeginWithTheKind) {
  EXPECT_THAT(error_of("RIFF\x04\0\0\0WAVE"s), testing::StartsWith("WAV: cannot be decoded: "));
  EXPECT_THAT(error_of("fLaC"), testing::StartsWith("FLAC: cannot be decoded: "));
  EXPECT_EQ(error_of("OggS"), "Ogg: holds neither Vorbis nor Opus");
  EXPECT_THAT(error_of("ID3"), testing::StartsWith("MP3: cannot be decoded: "));
}

std::string little_endian(std::uint32_t number, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i) & 0xff);
  return text;
}

// A WAV file; `kind` is 1 for integers and 3 for floats.
std::string wav(const std::string& data, int channels, int rate, int kind, int bits,
                std::uint32_t said_bytes) {
  const int frame_bytes = channels * bits / 8;
  return "RIFF" + little_endian(36 + said_bytes, 4) + "WAVEfmt " + little_endian(16, 4) +
         little_endian(kind, 2) + little_endian(channels, 2) + little_endian(rate, 4) +
         little_endian(rate * frame_bytes, 4) + little_endian(frame_bytes, 2) +
         little_endian(bits, 2) + "data" + little_endian(said_bytes, 4) + data;
}

TEST(DecodeSoundTest, OfAWavThatPromisesMoreWhatIsThereIsTheSound) {
  const std::string data(640, '\x10');
  for (const std::uint32_t said : {640u, 64'000u, 0x7fffffffu, 0xffffffffu}) {
    const auto decoded = decode(wav(data, 1, kSoundRate, 1, 16, said));
    ASSERT_TRUE(decoded) << said << ": " << decoded.error().message;
    EXPECT_EQ(decoded->samples.size(), 320u) << said;
  }
}

TEST(DecodeSoundTest, FloatsThatAreNoSamplesBecomeSilenceOrTheLoudest) {
  std::string data;
  for (const float value : {0.5f, std::numeric_limits<float>::quiet_NaN(), 1e30f,
                            -std::numeric_limits<float>::infinity(), -0.5f}) {
    data.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const auto decoded = decode(wav(data, 1, kSoundRate, 3, 32, 20));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_THAT(decoded->samples, testing::ElementsAre(0.5f, 0.0f, 1.0f, 0.0f, -0.5f));
}

TEST(DecodeSoundTest, WhatNobodyHearsIsRefused) {
  const std::string data(640, '\0');
  EXPECT_THAT(error_of(wav(data, 40, kSoundRate, 1, 8, 640)), HasSubstr("has 40 channels"));
  EXPECT_THAT(error_of(wav(data, 1, 100, 1, 8, 640)), HasSubstr("has 100 samples a second"));
  EXPECT_THAT(error_of(wav(data, 1, 500'000, 1, 8, 640)), HasSubstr("has 500000 samples a second"));
  EXPECT_THAT(error_of(wav("", 1, kSoundRate, 1, 16, 0)), testing::StartsWith("WAV: "));
}

// `count` streams of an Ogg file, each with a number of its own, one behind the other.
std::string chain(const std::string& stream, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    std::string own = stream;
    for (std::size_t at = 0; at < own.size();) {
      auto* const head = reinterpret_cast<unsigned char*>(own.data() + at);
      std::memcpy(head + 14, &i, sizeof i);
      const long head_bytes = 27 + head[26],
                 body_bytes = std::accumulate(head + 27, head + head_bytes, 0L);
      ogg_page page{head, head_bytes, head + head_bytes, body_bytes};
      ogg_page_checksum_set(&page);
      at += static_cast<std::size_t>(head_bytes + body_bytes);
    }
    all += own;
  }
  return all;
}

TEST(DecodeSoundTest, ManyStreamsInAFileAreOneSound) {
  const std::string stream = test::read_file(test::kSounds / "../stream.ogg");
  for (const int count : {1, 3, 256}) {
    const auto decoded = decode(chain(stream, count));
    ASSERT_TRUE(decoded) << count << ": " << decoded.error().message;
    EXPECT_EQ(std::ssize(decoded->samples), 64 * count);
  }
  // Which overflowed the stack.
  EXPECT_EQ(error_of(chain(stream, 100'000)), "Ogg: has more than 256 streams");
}

TEST(DecodeSoundTest, ManyEndsOfAStreamAreRefused) {
  std::string file = test::read_file(test::kSounds / "../stream.ogg");
  const std::string end = file.substr(file.rfind("OggS"));
  for (int i = 0; i < 3000; ++i) file += end;
  EXPECT_EQ(error_of(file), "Ogg: has more than 256 streams");
}

TEST(DecodeSoundTest, LargeBooksOfVorbisAreRefused) {
  const std::string file = test::read_file(test::kSounds / "../book.ogg");
  EXPECT_EQ(error_of(file), "Ogg: has a book of 1048576 entries, expected at most 16384");
  const std::string stream = test::read_file(test::kSounds / "../stream.ogg");
  EXPECT_EQ(error_of(chain(stream + file, 1)),
            "Ogg: has a book of 1048576 entries, expected at most 16384");
}

// Where libvorbisfile might see other packets than those that are looked at.
TEST(DecodeSoundTest, BeginningsOfStreamsHoldWholePackets) {
  const std::string stream = test::read_file(test::kSounds / "../stream.ogg");
  const std::size_t second = stream.find("OggS", 4);
  std::string file = stream.substr(0, second + 26) + "\x01\xff" + std::string(255, 'x');
  file[second + 5] = 2;  // begins the stream again
  EXPECT_EQ(error_of(chain(file, 1)), "Ogg: has a stream that begins with half a packet");
  file[second + 5] = 0;
  EXPECT_EQ(error_of(chain(file + stream, 1)), "Ogg: has a packet that goes on in another stream");
}

TEST(DecodeSoundTest, StreamsOfRealSoundsAreHeardToTheirEnds) {
  for (const std::string name : {"vorbis.ogg", "opus.ogg"}) {
    const auto one = decode(sound(name)), three = decode(chain(sound(name), 3));
    ASSERT_TRUE(one && three) << name;
    EXPECT_NEAR(std::ssize(three->samples), 3 * std::ssize(one->samples), 2) << name;
  }
}

TEST(DecodeSoundTest, AFlacThatDoesNotSayHowLongItIsIsNotCutShort) {
  std::string file = sound("stereo.flac");
  const auto whole = decode(file);
  file[21] &= '\xf0';  // of 36 bits
  file.replace(22, 4, 4, '\0');
  const auto decoded = decode(file);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, *whole);
}

TEST(DecodeSoundTest, WhatIsBehindAnMp3IsNoSound) {
  const std::string file = sound("stereo.mp3");
  const auto decoded = decode(file + std::string(100'000, '\0'));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, decode(file).value());
}

}  // namespace
}  // namespace linnet
