#include "backend/cuda/upload_buffers.hpp"

namespace linnet::cuda {

Result<std::unique_ptr<UploadBuffers>> UploadBuffers::make(Stream& stream, std::int64_t bytes) {
  std::unique_ptr<UploadBuffers> buffers(new UploadBuffers(stream, bytes));
  for (int i = 0; i < 2; ++i) {
    if (!stream.check(cudaMallocHost(&buffers->memory_[i], static_cast<std::size_t>(bytes)),
                      "allocating page-locked memory") ||
        !stream.check(cudaEventCreateWithFlags(&buffers->sent_[i], cudaEventDisableTiming),
                      "making an event")) {
      return stream.status().error();
    }
  }
  return Result<std::unique_ptr<UploadBuffers>>(std::move(buffers));
}

UploadBuffers::~UploadBuffers() {
  stream_.wait();
  for (int i = 0; i < 2; ++i) {
    if (memory_[i]) cudaFreeHost(memory_[i]);
    if (sent_[i]) cudaEventDestroy(sent_[i]);
  }
}

std::byte* UploadBuffers::next() {
  current_ = 1 - current_;
  stream_.check(cudaEventSynchronize(sent_[current_]), "an upload");
  return static_cast<std::byte*>(memory_[current_]);
}

void UploadBuffers::mark_sent() {
  stream_.check(cudaEventRecord(sent_[current_], stream_.get()), "an upload");
}

}  // namespace linnet::cuda
