#pragma once

#include "backend/cuda/kernels/activate.cuh"

namespace linnet::cuda {

/// The rows [first, last) of one sequence of a batch, and the slot of its state.
struct DeviceRun {
  std::int32_t first, last, slot;
};

/// The state of a layer's part in every slot.
struct DeviceState {
  float* first = nullptr;  ///< of slot 0
  std::int64_t slot_floats = 0;

  __device__ float* of(const DeviceRun& run) const { return first + run.slot * slot_floats; }
};

}  // namespace linnet::cuda
