#include "backend/cuda/stream.hpp"

namespace linnet::cuda {
namespace {

constexpr std::int64_t kStagingBytes = std::int64_t{4} << 20;

}  // namespace

Result<std::unique_ptr<Stream>> Stream::open() {
  std::unique_ptr<Stream> stream(new Stream());
  cudaDeviceProp properties{};
  stream->check(cudaSetDevice(0), "choosing the device");
  stream->check(cudaGetDeviceProperties(&properties, 0), "asking for the device");
  stream->check(cudaStreamCreateWithFlags(&stream->stream_, cudaStreamNonBlocking), "a stream");
  if (!stream->status_) return stream->status_.error();
  stream->multiprocessors_ = properties.multiProcessorCount;
  stream->most_shared_bytes_ = properties.sharedMemPerBlockOptin;
  stream->is_hopper_ = properties.major >= 9;
  // Without it uploads wait.
  if (auto staging = HostMemory::allocate(kStagingBytes)) stream->staging_ = std::move(*staging);
  return Result<std::unique_ptr<Stream>>(std::move(stream));
}

Stream::~Stream() {
  if (stream_) cudaStreamDestroy(stream_);
}

bool Stream::check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return true;
  fail(Error{std::string("the GPU failed during ") + what + ": " + cudaGetErrorString(error)});
  return false;
}

void Stream::fail(Error error) {
  if (status_) status_ = std::move(error);
}

// Small things, as each step sends some, go through page-locked memory: what the device does when
// it is told to copy pageable memory, whether it waits or even reads it later, differs between
// systems. Null where that is too large.
const void* Stream::stage(const void* from, std::size_t bytes) {
  const auto room = static_cast<std::size_t>(staging_.bytes());
  const std::size_t taken = (bytes + 15) / 16 * 16;
  if (taken > room) return nullptr;
  if (staged_ + taken > room) synchronise();
  std::byte* place = staging_.get() + staged_;
  staged_ += taken;
  std::memcpy(place, from, bytes);
  return place;
}

void Stream::upload(const void* from, std::size_t bytes, void* to) {
  if (bytes == 0) return;
  const void* staged = stage(from, bytes);
  upload_locked(staged ? staged : from, bytes, to);
  if (!staged) synchronise();
}

void Stream::upload_locked(const void* from, std::size_t bytes, void* to) {
  if (bytes == 0) return;
  ++operations_;
  send();
  if (!status_) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "an upload");
}

void Stream::download(const void* from, std::size_t bytes, void* to) {
  if (bytes == 0) return;
  ++operations_;
  send();
  if (!status_) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "a download");
  wait();
}

void Stream::copy(const void* from, std::size_t bytes, void* to) {
  if (bytes == 0) return;
  ++operations_;
  send();
  if (!status_) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "a copy");
}

void Stream::copy_rows(const void* from, std::size_t from_pitch, std::size_t width,
                       std::size_t rows, void* to, std::size_t to_pitch, cudaMemcpyKind kind) {
  if (width == 0 || rows == 0) return;
  ++operations_;
  send();
  if (!status_) return;
  check(cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, rows, kind, stream_), "a copy");
}

void Stream::zero(void* memory, std::size_t bytes) {
  if (bytes == 0) return;
  ++operations_;
  send();
  if (!status_) return;
  check(cudaMemsetAsync(memory, 0, bytes, stream_), "clearing memory");
}

void Stream::send() {
  run_postponed();
  if (!status_) return;
  const cudaError_t error = queue_.send(stream_);
  check(error, queue_.failed());
}

void Stream::wait() {
  send();
  queue_.restart();
  synchronise();
}

void Stream::synchronise() {
  if (status_) check(cudaStreamSynchronize(stream_), "the operations before");
  staged_ = 0;
}

Result<DeviceMemory> DeviceMemory::allocate(Stream& stream, std::int64_t bytes, const char* what) {
  if (!stream.status()) return stream.status().error();
  DeviceMemory result;
  result.bytes_ = bytes;
  if (bytes == 0) return Result<DeviceMemory>(std::move(result));
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, static_cast<std::size_t>(bytes));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // else the next launch would report it
    std::size_t free_bytes = 0, total_bytes = 0;
    cudaMemGetInfo(&free_bytes, &total_bytes);
    return Error{"out of GPU memory: " + std::to_string(bytes) + " bytes were asked for " + what +
                 ", " + std::to_string(free_bytes) + " of " + std::to_string(total_bytes) +
                 " are free"};
  }
  // What failed may be a kernel before.
  if (!stream.check(error, "an allocation")) return stream.status().error();
  result.memory_ = {memory, Free{&stream}};
  stream.zero(memory, static_cast<std::size_t>(bytes));
  return Result<DeviceMemory>(std::move(result));
}

Result<HostMemory> HostMemory::allocate(std::int64_t bytes) {
  HostMemory result;
  void* memory = nullptr;
  const cudaError_t error = cudaMallocHost(&memory, static_cast<std::size_t>(bytes));
  if (error != cudaSuccess) {
    cudaGetLastError();  // else the next launch would report it
    return Error{"the GPU could not lock " + std::to_string(bytes) +
                 " bytes of host memory: " + cudaGetErrorString(error)};
  }
  result.memory_.reset(memory);
  result.bytes_ = bytes;
  return Result<HostMemory>(std::move(result));
}

void* Scratch::take_bytes(Stream& stream, std::int64_t bytes) {
  if (bytes <= memory_.bytes() && memory_.get()) return memory_.get();
  stream.wait();  // what uses the old memory
  memory_ = {};
  auto grown = DeviceMemory::allocate(stream, bytes + bytes / 4 + 256, "for scratch");
  if (!grown) {
    stream.fail(grown.error());
    return nullptr;
  }
  memory_ = std::move(*grown);
  return memory_.get();
}

bool Mirror::holds_bytes(const void* numbers, std::size_t bytes) const {
  return device_ && bytes == sent_.size() && std::memcmp(sent_.data(), numbers, bytes) == 0;
}

const void* Mirror::of_bytes(Stream& stream, const void* numbers, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  if (holds_bytes(numbers, bytes)) return device_;
  device_ = memory_.take<std::byte>(stream, static_cast<std::int64_t>(bytes));
  if (!device_) return nullptr;
  const auto* first = static_cast<const std::byte*>(numbers);
  sent_.assign(first, first + bytes);
  stream.upload(sent_.data(), bytes, device_);
  return device_;
}

}  // namespace linnet::cuda
