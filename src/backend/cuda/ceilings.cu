// What the GPU can do at most.

#include <algorithm>
#include <chrono>

#include "backend/cuda/cublas_lt.hpp"
#include "backend/cuda/cuda.hpp"
#include "backend/cuda/kernels/ceilings.cuh"
#include "backend/cuda/stream.hpp"

namespace linnet {
namespace cuda {
namespace {

constexpr int kThreads = 512;
// So that what it takes to begin and to wait does not count: a read takes half a millisecond.
constexpr int kReads = 8;

// Seconds of the fastest of five runs.
template <class Run>
double fastest_s(Stream& stream, const Run& run) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    const auto start = Clock::now();
    run();
    stream.wait();
    if (i > 0) best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

dim3 all_multiprocessors(const Stream& stream) {
  return dim3(static_cast<unsigned>(4 * stream.multiprocessors()));
}

Result<DeviceMemory> random_halves(Stream& stream, std::int64_t count) {
  auto memory = DeviceMemory::allocate(stream, count * 2, "to measure the GPU");
  if (!memory) return memory.error();
  stream.launch(fill_halves, all_multiprocessors(stream), dim3(kThreads), 0,
                memory->as<std::uint16_t>(), count);
  return memory;
}

Result<double> read_bytes_per_s(Stream& stream, std::int64_t bytes) {
  auto memory = random_halves(stream, bytes / 2);
  if (!memory) return memory.error();
  auto found = DeviceMemory::allocate(stream, 4, "to measure the GPU");
  if (!found) return found.error();
  const double seconds = fastest_s(stream, [&] {
    for (int i = 0; i < kReads; ++i) {
      stream.launch(read_lines, all_multiprocessors(stream), dim3(kThreads), 0, memory->as<uint4>(),
                    bytes / 16, found->as<std::uint32_t>());
    }
  });
  if (!stream.status()) return stream.status().error();
  return kReads * static_cast<double>(bytes) / seconds;
}

// Of a product of two square matrices; 0 without the library.
Result<double> half_operations_per_s(Stream& stream, std::int64_t side) {
  const auto library = CublasLt::open();
  if (!library) return 0.0;
  auto left = random_halves(stream, side * side), right = random_halves(stream, side * side);
  auto out = DeviceMemory::allocate(stream, side * side * 4, "to measure the GPU");
  auto factors = DeviceMemory::allocate(stream, 8, "to measure the GPU");
  auto workspace = DeviceMemory::allocate(
      stream, static_cast<std::int64_t>(CublasLt::kWorkspaceBytes), "to measure the GPU");
  for (const auto* memory : {&left, &right, &out, &factors, &workspace}) {
    if (!*memory) return memory->error();
  }
  stream.launch(set_numbers, dim3(1), dim3(1), 0, factors->as<float>(), 1.0f, 0.0f);
  const HalfProduct product{left->as<std::uint16_t>(),
                            right->as<std::uint16_t>(),
                            factors->as<float>(),
                            out->as<float>(),
                            side,
                            side,
                            side,
                            side};
  if (!library->can(product)) return 0.0;
  bool done = true;
  const double seconds = fastest_s(stream, [&] {
    stream.send();
    done = done && library->multiply(product, workspace->get(), stream.get());
  });
  if (!stream.status()) return stream.status().error();
  const auto length = static_cast<double>(side);
  return done ? 2.0 * length * length * length / seconds : 0.0;
}

}  // namespace
}  // namespace cuda

Result<CudaCeilings> measure_cuda_ceilings(const CudaCeilingSizes& sizes) {
  auto stream = cuda::Stream::open();
  if (!stream) return stream.error();
  const auto read = cuda::read_bytes_per_s(**stream, sizes.read_bytes);
  if (!read) return read.error();
  const auto products = cuda::half_operations_per_s(**stream, sizes.product_side);
  if (!products) return products.error();
  return CudaCeilings{*read, *products};
}

}  // namespace linnet
