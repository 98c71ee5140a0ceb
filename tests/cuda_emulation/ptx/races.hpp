#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace linnet::ptx {

/// One thread that touches shared memory: what orders its accesses and those of others is that
/// either is behind a barrier in front of which the other is.
struct Toucher {
  std::uint32_t block_barriers = 0;  ///< that were passed, of all blocks; 0: nobody
  std::uint32_t warp_barriers = 0;   ///< of its warp
  std::uint16_t warp = 0, lane = 0;

  bool races_with(const Toucher& other) const {
    if (block_barriers == 0 || block_barriers != other.block_barriers) return false;
    if (warp != other.warp) return true;
    return lane != other.lane && warp_barriers == other.warp_barriers;
  }
};

/// Who touched each byte of shared memory last. Of several who read a byte it knows two, the first
/// and the last one.
class Races {
 public:
  explicit Races(std::size_t bytes) : bytes_(bytes) {}

  /// False where the access races with one before it.
  bool note(std::size_t first, std::size_t bytes, bool writes, const Toucher& toucher) {
    bool fine = true;
    for (std::size_t i = first; i < first + bytes; ++i) {
      Byte& byte = bytes_[i];
      fine &= !toucher.races_with(byte.writer);
      if (writes) {
        fine &= !toucher.races_with(byte.reader) && !toucher.races_with(byte.last_reader);
        byte.writer = toucher;
      } else {
        if (byte.reader.block_barriers != toucher.block_barriers) byte.reader = toucher;
        byte.last_reader = toucher;
      }
    }
    return fine;
  }

 private:
  struct Byte {
    Toucher writer, reader, last_reader;
  };
  std::vector<Byte> bytes_;
};

}  // namespace linnet::ptx
