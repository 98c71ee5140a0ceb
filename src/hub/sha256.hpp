#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace linnet::hub {

/// SHA-256 of bytes that come one piece after the other.
class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  /// Of all bytes so far, 64 hexadecimal digits in lower case; more may follow.
  std::string hex() const;

 private:
  std::unique_ptr<void, void (*)(void*)> context_;
};

}  // namespace linnet::hub
