// Writes tests/data/sound/decode with libsndfile: an eighth of a second of two tones in all kinds.
//   g++ -std=c++20 tests/oracles/sounds.cpp -o sounds $(pkg-config --cflags --libs sndfile)
//   ./sounds tests/data/sound/decode
// The left channel has 440 Hz at half of the full range, the right one 660 Hz at a quarter.
#include <sndfile.h>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>
#include <vector>

static bool write(const std::string& path, int format, int rate, int channels) {
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = format;
  SNDFILE* const file = sf_open(path.c_str(), SFM_WRITE, &info);
  if (file == nullptr) return false;
  sf_command(file, SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);  // which has the time of day
  std::vector<float> samples;
  for (int i = 0; i < rate / 8; ++i) {
    const double turn = 2.0 * std::numbers::pi * i / rate;
    samples.push_back(static_cast<float>(0.5 * std::sin(440.0 * turn)));
    if (channels == 2) samples.push_back(static_cast<float>(0.25 * std::sin(660.0 * turn)));
  }
  const sf_count_t frames = std::ssize(samples) / channels;
  const bool is_written = sf_writef_float(file, samples.data(), frames) == frames;
  return sf_close(file) == 0 && is_written;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  struct Case {
    const char* name;
    int format, rate, channels;
  };
  constexpr Case kCases[] = {
      {"plain.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 1},
      {"bytes.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 8000, 1},
      {"floats.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 16000, 2},
      {"telephone.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8000, 1},
      {"extensible.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 44100, 2},
      {"sixty-four.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 22050, 1},
      {"stereo.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 48000, 2},
      {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 32000, 2},
      {"opus.ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 2},
      {"stereo.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 44100, 2},
  };
  for (const Case& one : kCases) {
    if (write(std::string(argv[1]) + "/" + one.name, one.format, one.rate, one.channels)) continue;
    std::fprintf(stderr, "%s: %s\n", one.name, sf_strerror(nullptr));
    return 1;
  }
  return 0;
}
