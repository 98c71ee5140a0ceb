#pragma once

#include <cstddef>
#include <memory>

#include "backend/cuda/stream.hpp"

namespace linnet::cuda {

/// Two pieces of page-locked host memory: one is filled while the other is sent.
class UploadBuffers {
 public:
  static Result<std::unique_ptr<UploadBuffers>> make(Stream& stream, std::int64_t bytes);
  ~UploadBuffers();
  UploadBuffers(const UploadBuffers&) = delete;
  UploadBuffers& operator=(const UploadBuffers&) = delete;

  std::int64_t bytes() const { return bytes_; }
  /// The next piece, once what it held before was sent.
  std::byte* next();
  /// All that the stream was told to send until now includes what the piece holds.
  void mark_sent();

 private:
  UploadBuffers(Stream& stream, std::int64_t bytes) : stream_(stream), bytes_(bytes) {}

  Stream& stream_;
  std::int64_t bytes_;
  HostMemory memory_[2];
  cudaEvent_t sent_[2] = {};
  int current_ = 0;
};

}  // namespace linnet::cuda
