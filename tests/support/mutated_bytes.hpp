#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"

namespace linnet::test {

/// Damages a file in the ways that disks, networks and attackers do. The same seed does the same to
/// the same file. Of a GGUF file it knows where damage matters.
class MutatedBytes {
 public:
  MutatedBytes(std::string original, std::uint64_t seed)
      : bytes_(std::move(original)), random_(seed) {
    const auto header = gguf::parse_header(std::as_bytes(std::span(bytes_)), bytes_.size(), "");
    if (!header) header_bytes_ = std::max<std::size_t>(bytes_.size(), 1);
    if (!header) return;
    header_bytes_ = header->data_offset;
    for (const auto& item : header->metadata) places_.push_back(end_of(item.key));
    for (const auto& tensor : header->tensors) places_.push_back(end_of(tensor.name));
  }

  std::string damaged() {
    for (std::uint64_t changes = 1 + draw(3); changes > 0; --changes) change();
    return std::move(bytes_);
  }

 private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  std::size_t end_of(std::string_view name) const {
    return static_cast<std::size_t>(name.data() + name.size() - bytes_.data());
  }

  // Most names are short, so that random places would nearly all lie in the vocabulary: half of the
  // changes hit what stands behind a name (types, counts, values, shapes, offsets).
  std::size_t place() {
    if (bytes_.empty()) return 0;
    const bool near_name = !places_.empty() && draw(2) == 0;
    const std::size_t at =
        near_name ? places_[draw(places_.size())] + draw(24) : draw(header_bytes_);
    return std::min(at, bytes_.size() - 1);
  }

  void change() {
    switch (draw(8)) {
      case 0:
        bytes_.resize(draw(bytes_.size() + 1));
        break;
      case 1:  // a piece is missing
        bytes_.erase(place(), 1 + draw(16));
        break;
      case 2:  // a piece occurs twice
        bytes_.insert(place(), bytes_.substr(place(), 1 + draw(64)));
        break;
      case 3:  // weights that are not numbers, or huge
        if (bytes_.empty()) break;
        overwrite(header_bytes_ + draw(bytes_.size()), std::string(1 + draw(4096), '\xff'));
        break;
      case 4:
        overwrite(place(), std::string(1, static_cast<char>(draw(256))));
        break;
      default:
        put_number();
    }
  }

  void put_number() {
    const std::uint64_t values[] = {0,
                                    1,
                                    2,
                                    7,
                                    255,
                                    1 << 10,
                                    1 << 16,
                                    1 << 20,
                                    0x7fffffff,
                                    0x80000000,
                                    0xffffffff,
                                    std::uint64_t{1} << 40,
                                    std::uint64_t{1} << 63,
                                    ~std::uint64_t{0},
                                    0x7fc00000 /* NaN */,
                                    0x7f800000 /* infinity */,
                                    draw(1 << 16)};
    const std::uint64_t value = values[draw(std::size(values))];
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    overwrite(place(), std::string(raw, std::size_t{1} << draw(4)));
  }

  void overwrite(std::size_t at, const std::string& with) {
    if (at < bytes_.size()) bytes_.replace(at, std::min(with.size(), bytes_.size() - at), with);
  }

  std::string bytes_;
  std::mt19937_64 random_;
  std::size_t header_bytes_ = 1;
  std::vector<std::size_t> places_;
};

}  // namespace linnet::test
