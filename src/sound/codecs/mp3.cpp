// MP3, by libmpg123.

#include <mpg123.h>

#include <cstring>
#include <memory>
#include <string_view>

#include "sound/codecs/codec.hpp"
#include "sound/codecs/sample_sink.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kBlockBytes = 1 << 16;

struct Delete {
  void operator()(mpg123_handle* reader) const { mpg123_delete(reader); }
};
using Reader = std::unique_ptr<mpg123_handle, Delete>;

ssize_t on_read(void* source, void* to, std::size_t count) {
  return static_cast<SoundSource*>(source)->read(to, static_cast<std::int64_t>(count));
}

off_t on_seek(void* source, off_t offset, int whence) {
  return static_cast<SoundSource*>(source)->seek(offset, whence);
}

Error error_of(mpg123_handle* reader) {
  return damaged(reader ? mpg123_strerror(reader) : "out of memory");
}

// Says nothing on stderr, reads no tags, and gives floats at whatever rate the file has.
Result<Reader> open(SoundSource& source) {
  Reader reader(mpg123_new(nullptr, nullptr));
  if (reader == nullptr) return error_of(nullptr);
  mpg123_handle* const mpg = reader.get();
  constexpr long kFlags = MPG123_QUIET | MPG123_SKIP_ID3V2 | MPG123_FORCE_FLOAT;
  const bool is_open = mpg123_param(mpg, MPG123_ADD_FLAGS, kFlags, 0.0) == MPG123_OK &&
                       mpg123_param(mpg, MPG123_RESYNC_LIMIT, -1, 0.0) == MPG123_OK &&
                       mpg123_replace_reader_handle(mpg, on_read, on_seek, nullptr) == MPG123_OK &&
                       mpg123_open_handle(mpg, &source) == MPG123_OK;
  if (!is_open) return error_of(mpg);
  return reader;
}

// Of the first frame, and of those after which another kind of frames begins.
Status begin(mpg123_handle* reader, SampleSink& sink) {
  if (sink.frames() > 0) return Error{"changes its rate or channels within"};
  long rate = 0;
  int channels = 0, encoding = 0;
  if (mpg123_getformat(reader, &rate, &channels, &encoding) != MPG123_OK) return error_of(reader);
  return sink.begin(rate, channels);
}

Result<Sound> decode(std::span<const std::byte> file, const SoundLimits& limits) {
  SoundSource source{file};
  const auto reader = open(source);
  if (!reader) return reader.error();
  SampleSink sink(limits);
  if (Status status = begin(reader->get(), sink); !status) return status.error();
  std::vector<float> block(kBlockBytes / sizeof(float));
  for (int result = MPG123_OK; result != MPG123_DONE;) {
    std::size_t bytes = 0;
    result = mpg123_read(reader->get(), reinterpret_cast<unsigned char*>(block.data()), kBlockBytes,
                         &bytes);
    const auto samples = std::span(block).first(bytes / sizeof(float));
    if (Status status = sink.put(samples); !status) return status.error();
    if (result == MPG123_NEW_FORMAT) {
      if (Status status = begin(reader->get(), sink); !status) return status.error();
    } else if (result != MPG123_OK && result != MPG123_DONE) {
      return error_of(reader->get());
    }
  }
  return sink.finish();
}

// Tags before the sound, or the bits with which each of its frames begins (ISO 11172-3, 2.4.2.3).
bool recognises(std::span<const std::byte> file) {
  if (begins_with(file, "ID3"sv)) return true;
  if (file.size() < 4 || file[0] != std::byte{0xff}) return false;
  const int second = std::to_integer<int>(file[1]);
  return (second & 0xe0) == 0xe0 && (second & 0x18) != 0x08 && (second & 0x06) != 0;
}

}  // namespace

const SoundCodec kMp3 = {"MP3", recognises, decode};

}  // namespace linnet
