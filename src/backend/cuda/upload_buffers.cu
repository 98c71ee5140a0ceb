#include "backend/cuda/upload_buffers.hpp"

namespace linnet::cuda {

Result<std::unique_ptr<UploadBuffers>> UploadBuffers::make(Stream& stream, std::int64_t bytes) {
  std::unique_ptr<UploadBuffers> buffers(new UploadBuffers(stream, bytes));
  for (int i = 0; i < 2; ++i) {
    auto memory = HostMemory::allocate(bytes);
    if (!memory) return memory.error();
    buffers->memory_[i] = std::move(*memory);
    if (!stream.check(cudaEventCreateWithFlags(&buffers->sent_[i], cudaEventDisableTiming),
                      "making an event")) {
      return stream.status().error();
    }
  }
  return Result<std::unique_ptr<UploadBuffers>>(std::move(buffers));
}

UploadBuffers::~UploadBuffers() {
  stream_.wait();
  for (cudaEvent_t sent : sent_) {
    if (sent) cudaEventDestroy(sent);
  }
}

std::byte* UploadBuffers::next() {
  current_ = 1 - current_;
  stream_.check(cudaEventSynchronize(sent_[current_]), "an upload");
  return memory_[current_].get();
}

void UploadBuffers::mark_sent() {
  stream_.check(cudaEventRecord(sent_[current_], stream_.get()), "an upload");
}

}  // namespace linnet::cuda
