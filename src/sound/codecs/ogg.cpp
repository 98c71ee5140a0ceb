// Ogg with Vorbis, by libvorbisfile, and with Opus, by libopusfile. libsndfile reads both, but
// keeps memory of files that are damaged forever. Both libraries are told that they can't seek:
// else they look for all streams of a file first, libvorbisfile by a call within a call for each.

#include <opusfile.h>
#include <vorbis/vorbisfile.h>

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "sound/codecs/codec.hpp"
#include "sound/codecs/sample_sink.hpp"
#include "sound/codecs/vorbis_setup.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

constexpr int kBlockFrames = 4096;

SoundSource& source_of(void* user) { return *static_cast<SoundSource*>(user); }

constexpr std::string_view kDamaged = "its packets are damaged";

// An open file of Vorbis, which is where its reader has been opened.
class VorbisFile {
 public:
  explicit VorbisFile(SoundSource& source) {
    const ov_callbacks callbacks{on_read, nullptr, nullptr, nullptr};
    is_open_ = ov_open_callbacks(&source, &file_, nullptr, 0, callbacks) == 0;
  }
  VorbisFile(const VorbisFile&) = delete;
  VorbisFile& operator=(const VorbisFile&) = delete;
  ~VorbisFile() {
    if (is_open_) ov_clear(&file_);
  }

  bool is_open() const { return is_open_; }
  OggVorbis_File* get() { return &file_; }

 private:
  static std::size_t on_read(void* to, std::size_t size, std::size_t count, void* user) {
    if (size == 0) return 0;
    const auto wanted = static_cast<std::int64_t>(size * count);
    return static_cast<std::size_t>(source_of(user).read(to, wanted)) / size;
  }

  OggVorbis_File file_{};
  bool is_open_ = false;
};

// Of the stream that goes on: a file may have several, one after the other.
Status begin_stream(OggVorbis_File* file, SampleSink& sink) {
  const vorbis_info* const info = ov_info(file, -1);
  return info ? sink.begin(info->rate, info->channels) : Status(damaged(kDamaged));
}

// The samples of all channels, side by side.
std::vector<float> interleaved(float** channels, std::size_t count, long frames) {
  std::vector<float> samples;
  samples.reserve(count * static_cast<std::size_t>(frames));
  for (long i = 0; i < frames; ++i) {
    for (std::size_t c = 0; c < count; ++c) samples.push_back(channels[c][i]);
  }
  return samples;
}

Result<Sound> decode_vorbis(std::span<const std::byte> file, const SoundLimits& limits) {
  if (Status status = check_vorbis_books(file); !status) return status.error();
  SoundSource source{file};
  VorbisFile vorbis(source);
  if (!vorbis.is_open()) return damaged(kDamaged);
  SampleSink sink(limits);
  if (Status status = begin_stream(vorbis.get(), sink); !status) return status.error();
  bool has_gap = false;
  for (int stream = 0;;) {
    float** channels = nullptr;
    int from = stream;
    const long frames = ov_read_float(vorbis.get(), &channels, kBlockFrames, &from);
    // What is so between two streams, too.
    if (frames == OV_HOLE && !std::exchange(has_gap, true)) continue;
    if (frames < 0 || (has_gap && from == stream)) return damaged(kDamaged);
    if (frames == 0) return sink.finish();
    has_gap = false;
    const vorbis_info* const info = ov_info(vorbis.get(), -1);
    if (info == nullptr) return damaged(kDamaged);
    if (from != stream && !sink.goes_on_with(info->rate, info->channels)) {
      return Error{"changes its rate or channels within"};
    }
    stream = from;
    const auto samples = interleaved(channels, static_cast<std::size_t>(info->channels), frames);
    if (Status status = sink.put(samples); !status) return status.error();
  }
}

int on_opus_read(void* user, unsigned char* to, int count) {
  return static_cast<int>(source_of(user).read(to, count));
}

struct Free {
  void operator()(OggOpusFile* file) const { op_free(file); }
};

// Whatever channels there are, the library makes two of them.
Result<Sound> decode_opus(std::span<const std::byte> file, const SoundLimits& limits) {
  constexpr int kRate = 48000, kChannels = 2;
  SoundSource source{file};
  const OpusFileCallbacks callbacks{on_opus_read, nullptr, nullptr, nullptr};
  const std::unique_ptr<OggOpusFile, Free> opus(
      op_open_callbacks(&source, &callbacks, nullptr, 0, nullptr));
  if (opus == nullptr) return damaged(kDamaged);
  SampleSink sink(limits);
  if (Status status = sink.begin(kRate, kChannels); !status) return status.error();
  std::array<float, kBlockFrames * kChannels> block{};
  while (true) {
    const int frames = op_read_float_stereo(opus.get(), block.data(), std::ssize(block));
    if (frames < 0) return damaged(kDamaged);
    if (frames == 0) return sink.finish();
    const auto samples = std::span(block).first(static_cast<std::size_t>(frames) * kChannels);
    if (Status status = sink.put(samples); !status) return status.error();
  }
}

// The first packet begins after a header and a list of one length.
constexpr std::size_t kFirstPacket = 28;

// Pages that begin or end a stream (https://www.rfc-editor.org/rfc/rfc3533#section-6): what they
// cost is not told by the samples that they give, for an end may leave out all of its own.
bool has_many_borders(std::span<const std::byte> file) {
  constexpr int kMostBorders = 512;
  constexpr unsigned char kBeginsOrEnds = 0x02 | 0x04;
  constexpr std::string_view kPage = "OggS\0"sv;
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  int borders = 0;
  for (std::size_t at = bytes.find(kPage); at != bytes.npos; at = bytes.find(kPage, at + 1)) {
    const std::size_t flags = at + kPage.size();
    if (flags < bytes.size() && (bytes[flags] & kBeginsOrEnds) != 0) ++borders;
  }
  return borders > kMostBorders;
}

Result<Sound> decode(std::span<const std::byte> file, const SoundLimits& limits) {
  if (has_many_borders(file)) return Error{"has more than 256 streams"};
  if (has_bytes(file, kFirstPacket, "\x01vorbis"sv)) return decode_vorbis(file, limits);
  if (has_bytes(file, kFirstPacket, "OpusHead"sv)) return decode_opus(file, limits);
  return Error{"holds neither Vorbis nor Opus"};
}

}  // namespace

const SoundCodec kOgg = {
    "Ogg", [](std::span<const std::byte> file) { return begins_with(file, "OggS"sv); }, decode};

}  // namespace linnet
