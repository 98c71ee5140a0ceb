#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace linnet::fuzz {

/// Takes values off the front of an input. Behind its end there are zeros.
class InputReader {
 public:
  explicit InputReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  /// From `first` to `last`, which are less than 256 apart.
  int number(int first, int last) { return first + value<std::uint8_t>() % (last - first + 1); }
  bool flag() { return number(0, 1) == 1; }
  float real() { return value<float>(); }

  /// At most `most` bytes; how many say the two bytes before them.
  std::string text(std::size_t most) { return string(value<std::uint16_t>() % (most + 1)); }
  std::string rest() { return string(bytes_.size()); }

 private:
  std::span<const std::uint8_t> take(std::size_t count) {
    const auto taken = bytes_.first(std::min(count, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  template <class T>
  T value() {
    T result{};
    const auto taken = take(sizeof result);
    if (!taken.empty()) std::memcpy(&result, taken.data(), taken.size());
    return result;
  }
  std::string string(std::size_t count) {
    const auto taken = take(count);
    return {taken.begin(), taken.end()};
  }

  std::span<const std::uint8_t> bytes_;
};

}  // namespace linnet::fuzz
