#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "backend/backend.hpp"

namespace linnet {

/// One NVIDIA GPU as this process sees it.
struct CudaDevice {
  std::string name;
  std::int64_t total_bytes = 0;
  std::int64_t free_bytes = 0;
};

/// The first GPU, or an Error that says why there is none: built without CUDA, no driver, no
/// device.
Result<CudaDevice> probe_cuda();

/// Bytes of GPU memory that a weight of `elements` values in `format` takes, repacked as the CUDA
/// backend keeps it.
std::int64_t cuda_weight_bytes(const Format& format, std::int64_t elements);

/// The backend on the first GPU (other ones by CUDA_VISIBLE_DEVICES). `threads` (>= 1) repack the
/// weights while they are uploaded. What the device reports later - lost, out of memory - is told
/// by Backend::status(); operations after that do nothing.
Result<std::unique_ptr<Backend>> make_cuda_backend(int threads);

}  // namespace linnet
