#include "sound/codecs/codec.hpp"

#include <algorithm>
#include <cstring>

namespace linnet {

std::int64_t SoundSource::read(void* to, std::int64_t count) {
  const std::int64_t taken = std::clamp<std::int64_t>(count, 0, std::ssize(file) - at);
  if (taken > 0) std::memcpy(to, file.data() + at, static_cast<std::size_t>(taken));
  at += taken;
  return taken;
}

std::int64_t SoundSource::seek(std::int64_t offset, int whence) {
  const std::int64_t length = std::ssize(file);
  const std::int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at : length;
  if (offset < -from || offset > length - from) return -1;
  return at = from + offset;
}

}  // namespace linnet
