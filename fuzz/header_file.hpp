#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "require.hpp"

namespace linnet::fuzz {

/// A GGUF file whose header is the input, with the same few weights behind any header: what is to
/// be found lies in the header, so that no input has to carry weights.
class HeaderFile {
 public:
  explicit HeaderFile(const std::string& name)
      : name_(name),
        path_("/dev/shm/linnet-fuzz-" + std::to_string(getpid()) + "-" + name),
        weights_(kBytes / sizeof(float)),
        descriptor_(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    require(descriptor_ >= 0);
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      weights_[i] = static_cast<float>(i * 37 % 101) / 101.0f - 0.45f;
    }
    write(std::as_bytes(std::span(weights_)));
  }
  ~HeaderFile() {
    close(descriptor_);
    std::filesystem::remove(path_);
  }
  HeaderFile(const HeaderFile&) = delete;
  HeaderFile& operator=(const HeaderFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Whoever refuses the file names it.
  void require_named(const Error& error) const {
    require(error.message.find(name_ + ": ") != std::string::npos);
  }

  /// Nobody has the file open meanwhile.
  void put(std::span<const std::uint8_t> header) {
    const auto bytes = std::as_bytes(header).first(std::min(header.size(), kBytes));
    if (bytes.size() < header_bytes_) {
      write(std::as_bytes(std::span(weights_)).first(header_bytes_));
    }
    write(bytes);
    header_bytes_ = bytes.size();
  }

 private:
  static constexpr std::size_t kBytes = 12 << 20;

  void write(std::span<const std::byte> bytes) {
    require(pwrite(descriptor_, bytes.data(), bytes.size(), 0) == std::ssize(bytes));
  }

  const std::string name_;
  const std::filesystem::path path_;
  std::vector<float> weights_;
  const int descriptor_;
  std::size_t header_bytes_ = 0;
};

}  // namespace linnet::fuzz
