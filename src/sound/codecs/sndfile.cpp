// WAV and FLAC, by libsndfile. It knows many more kinds, which hardly anybody has and which hardly
// anybody has tried to break; and MP3, of which it says on stderr what is wrong with it.

#include <sndfile.h>

#include <memory>
#include <mutex>
#include <string_view>

#include "sound/codecs/codec.hpp"
#include "sound/codecs/sample_sink.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kBlockFrames = 4096;

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using Reader = std::unique_ptr<SNDFILE, Close>;

SoundSource& source_of(void* user) { return *static_cast<SoundSource*>(user); }

sf_count_t on_length(void* user) { return std::ssize(source_of(user).file); }
sf_count_t on_seek(sf_count_t offset, int whence, void* user) {
  return source_of(user).seek(offset, whence);
}
sf_count_t on_read(void* to, sf_count_t count, void* user) {
  return source_of(user).read(to, count);
}
sf_count_t on_write(const void*, sf_count_t, void*) { return 0; }
sf_count_t on_tell(void* user) { return source_of(user).at; }

// What is wrong with a file that can't be opened, libsndfile keeps for all threads together.
Result<Reader> open(SoundSource& source, SF_INFO& info) {
  static std::mutex opening;
  const std::lock_guard lock(opening);
  SF_VIRTUAL_IO io{on_length, on_seek, on_read, on_write, on_tell};
  Reader reader(sf_open_virtual(&io, SFM_READ, &info, &source));
  if (reader == nullptr) return damaged(sf_strerror(nullptr));
  return reader;
}

// `is_whole`: a file with fewer samples than it says is an error.
Result<Sound> decode(std::span<const std::byte> file, const SoundLimits& limits, bool is_whole) {
  SoundSource source{file};
  SF_INFO info{};
  const auto reader = open(source, info);
  if (!reader) return reader.error();
  SampleSink sink(limits);
  if (Status status = sink.begin(info.samplerate, info.channels); !status) return status.error();
  std::vector<float> block(static_cast<std::size_t>(kBlockFrames * info.channels));
  while (true) {
    const sf_count_t frames = sf_readf_float(reader->get(), block.data(), kBlockFrames);
    if (frames <= 0) break;
    const auto samples = std::span(block).first(static_cast<std::size_t>(frames * info.channels));
    if (Status status = sink.put(samples); !status) return status.error();
  }
  if (sf_error(reader->get()) != SF_ERR_NO_ERROR) return damaged(sf_strerror(reader->get()));
  // What programs that can't seek write does not say how long it is.
  const bool says_length = info.frames < SF_COUNT_MAX;
  if (is_whole && says_length && sink.frames() < info.frames) {
    return cut_short(file);
  }
  return sink.finish();
}

Result<Sound> decode_whole(std::span<const std::byte> file, const SoundLimits& limits) {
  return decode(file, limits, /*is_whole=*/true);
}

Result<Sound> decode_what_is_there(std::span<const std::byte> file, const SoundLimits& limits) {
  return decode(file, limits, /*is_whole=*/false);
}

bool is_wav(std::span<const std::byte> file) {
  const bool is_riff =
      begins_with(file, "RIFF"sv) || begins_with(file, "RIFX"sv) || begins_with(file, "RF64"sv);
  return is_riff && has_bytes(file, 8, "WAVE"sv);
}

}  // namespace

const SoundCodec kWav = {"WAV", is_wav, decode_what_is_there};
const SoundCodec kFlac = {
    "FLAC", [](std::span<const std::byte> file) { return begins_with(file, "fLaC"sv); },
    decode_whole};

}  // namespace linnet
