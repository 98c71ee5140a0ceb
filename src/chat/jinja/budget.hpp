#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/utf8.hpp"

namespace linnet::jinja {

/// What a template may use. A template comes with a model file that may be hostile.
struct Limits {
  std::int64_t steps = 5'000'000;         ///< evaluated nodes, and 64 bytes of text worked on each
  std::size_t memory_bytes = 256u << 20;  ///< held by all values together
  std::size_t text_bytes = 32u << 20;     ///< of one text, and of the output
  int depth = 2000;                       ///< nodes inside one another while evaluating
};

/// How deep a value may be nested where it is printed, compared or used as a key.
inline constexpr int kMaxValueDepth = 128;
/// How deep the conversation's JSON may be nested.
inline constexpr int kMaxInputDepth = 64;

/// Why a template cannot be parsed or rendered. Thrown inside this folder only; Template::parse and
/// Template::render make an Error of it.
struct Failure {
  std::string message;
};

/// Most bytes of a message that a template makes itself.
inline constexpr std::size_t kMostMessageBytes = 1000;

/// What a message says of a part of a template: long texts are shortened.
template <class Part>
auto message_part(const Part& part) {
  if constexpr (std::is_convertible_v<Part, std::string_view>) {
    return shortened(part);
  } else {
    return part;
  }
}

template <class... Parts>
[[noreturn]] void fail(fmt::format_string<Parts...> format, const Parts&... parts) {
  throw Failure{fmt::format(fmt::runtime(format), message_part(parts)...)};
}

/// Counts what one render uses, and fails where that is more than the limits allow.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), steps_left_(limits.steps) {}

  const Limits& limits() const { return limits_; }

  void step(std::int64_t steps = 1) {
    steps_left_ -= steps;
    if (steps_left_ < 0) fail("the template takes more than {} steps", limits_.steps);
  }
  /// For work on `bytes` bytes of text.
  void work(std::size_t bytes) { step(static_cast<std::int64_t>(bytes / 64)); }

  /// For names that are compared with each of `others`.
  void compare(std::size_t names, std::size_t others) {
    step(static_cast<std::int64_t>(names * others / 16));
  }

  /// Call before a text grows to this many bytes.
  void check_text(std::size_t bytes) const {
    if (bytes > limits_.text_bytes) {
      fail("the template makes a text of more than {} bytes", limits_.text_bytes);
    }
  }

  void hold(std::size_t bytes) {
    if (bytes > limits_.memory_bytes - held_bytes_) {
      fail("the template needs more than {} bytes of memory", limits_.memory_bytes);
    }
    held_bytes_ += bytes;
  }
  void release(std::size_t bytes) { held_bytes_ -= bytes; }

 private:
  Limits limits_;
  std::int64_t steps_left_;
  std::size_t held_bytes_ = 0;
};

}  // namespace linnet::jinja
