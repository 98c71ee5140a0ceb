#include "sound/codecs/vorbis_setup.hpp"

#include <fmt/format.h>
#include <ogg/ogg.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>

#include "base/file_codec.hpp"

namespace linnet {
namespace {

// libvorbis's own encoder makes 6,561 at most, and 63,654 values of all books together.
constexpr std::int64_t kMostEntries = 1 << 14;
constexpr std::int64_t kMostValues = 1 << 20;

int bits_of(std::int64_t number) { return std::bit_width(static_cast<std::uint64_t>(number)); }

// The greatest one whose power `dimensions` is at most `entries`.
std::int64_t values_of_lattice(std::int64_t entries, std::int64_t dimensions) {
  const auto fits = [&](std::int64_t side) {
    std::int64_t power = 1;
    for (std::int64_t i = 0; i < dimensions && power <= entries; ++i) power *= side;
    return power <= entries;
  };
  if (dimensions < 2) return dimensions * entries;
  std::int64_t side = 1;
  while (side < entries && fits(side + 1)) ++side;
  return side;
}

void skip(oggpack_buffer& bits, std::int64_t fields, int width) {
  for (std::int64_t i = 0; i < fields; ++i) {
    if (oggpack_read(&bits, width) < 0) return;  // past the end
  }
}

// The lengths of the words of a book.
void skip_lengths(oggpack_buffer& bits, std::int64_t entries) {
  if (oggpack_read(&bits, 1) == 1) {  // how many there are of each
    oggpack_read(&bits, 5);
    for (std::int64_t i = 0; i < entries;) {
      const long count = oggpack_read(&bits, bits_of(entries - i));
      if (count < 0) return;
      i += count;
    }
  } else if (oggpack_read(&bits, 1) == 1) {  // not all are used
    for (std::int64_t i = 0; i < entries; ++i) {
      if (oggpack_read(&bits, 1) == 1) oggpack_read(&bits, 5);
    }
  } else {
    skip(bits, entries, 5);
  }
}

// Reads past a book; returns the values that it stands for. Damage is left to libvorbis to notice.
Result<std::int64_t> skip_book(oggpack_buffer& bits) {
  oggpack_read(&bits, 24);
  const std::int64_t dimensions = oggpack_read(&bits, 16), entries = oggpack_read(&bits, 24);
  if (entries > kMostEntries) {
    return Error{
        fmt::format("has a book of {} entries, expected at most {}", entries, kMostEntries)};
  }
  const std::int64_t values = entries * std::max<std::int64_t>(dimensions, 1);
  if (values > kMostValues) return values;
  skip_lengths(bits, entries);
  const long kind = oggpack_read(&bits, 4);
  if (kind == 1 || kind == 2) {
    skip(bits, 2, 32);
    const int width = static_cast<int>(oggpack_read(&bits, 4)) + 1;
    oggpack_read(&bits, 1);
    skip(bits, kind == 1 ? values_of_lattice(entries, dimensions) : entries * dimensions, width);
  }
  return values;
}

Status check_setup(ogg_packet& packet) {
  constexpr std::string_view kName = "\x05vorbis";
  if (packet.bytes < static_cast<long>(kName.size()) ||
      std::memcmp(packet.packet, kName.data(), kName.size()) != 0) {
    return {};
  }
  oggpack_buffer bits;
  oggpack_readinit(&bits, packet.packet + kName.size(),
                   static_cast<int>(packet.bytes - static_cast<long>(kName.size())));
  const long books = oggpack_read(&bits, 8) + 1;
  std::int64_t values = 0;
  for (long i = 0; i < books && values <= kMostValues; ++i) {
    const auto own = skip_book(bits);
    if (!own) return own.error();
    values += *own;
  }
  if (values <= kMostValues) return {};
  return Error{fmt::format("has books of {} values, expected at most {}", values, kMostValues)};
}

// The packets of streams that libogg finds in a file, as libvorbisfile has them.
class PacketReader {
 public:
  PacketReader() { ogg_sync_init(&sync_); }
  PacketReader(const PacketReader&) = delete;
  PacketReader& operator=(const PacketReader&) = delete;
  ~PacketReader() {
    ogg_sync_clear(&sync_);
    for (auto& [number, stream] : streams_) ogg_stream_clear(&stream);
  }

  Status put(std::span<const std::byte> bytes) {
    char* const to = ogg_sync_buffer(&sync_, std::ssize(bytes));
    if (to == nullptr) return damaged("out of memory");
    std::memcpy(to, bytes.data(), bytes.size());
    ogg_sync_wrote(&sync_, std::ssize(bytes));
    ogg_page page;
    for (int found = 0; (found = ogg_sync_pageout(&sync_, &page)) != 0;) {
      if (found < 0) continue;
      if (Status status = take(page); !status) return status;
    }
    return {};
  }

 private:
  Status take(ogg_page& page) {
    const int number = ogg_page_serialno(&page);
    const bool begins = ogg_page_bos(&page) != 0;
    if (begins && streams_.try_emplace(number).second) ogg_stream_init(&streams_[number], number);
    const auto found = streams_.find(number);
    if (found == streams_.end()) return {};  // no stream that anybody reads
    ogg_stream_state& stream = found->second;
    // What libvorbisfile takes for a packet there depends on whether it takes it for a beginning.
    if (begins && has_part(stream)) return Error{"has a packet that goes on in another stream"};
    if (begins) ogg_stream_reset_serialno(&stream, number);
    ogg_stream_pagein(&stream, &page);
    ogg_packet packet;
    for (int got = 0; (got = ogg_stream_packetout(&stream, &packet)) != 0;) {
      if (got < 0) continue;
      if (Status status = check_setup(packet); !status) return status;
    }
    if (begins && has_part(stream)) return Error{"has a stream that begins with half a packet"};
    return {};
  }

  static bool has_part(const ogg_stream_state& stream) {
    return stream.lacing_fill > stream.lacing_returned;
  }

  ogg_sync_state sync_{};
  std::map<int, ogg_stream_state> streams_;  // whose beginnings there were
};

}  // namespace

Status check_vorbis_books(std::span<const std::byte> file) {
  constexpr std::size_t kPieceBytes = 1 << 16;
  PacketReader reader;
  while (!file.empty()) {
    const auto piece = file.first(std::min(kPieceBytes, file.size()));
    if (Status status = reader.put(piece); !status) return status;
    file = file.subspan(piece.size());
  }
  return {};
}

}  // namespace linnet
