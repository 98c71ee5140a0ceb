#pragma once

#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/kernels/device_runs.cuh"

namespace linnet::cuda {

inline DeviceState state_of(StateStore& store, const StatePart& part) {
  const auto& device = static_cast<const DeviceStateStore&>(store);
  return {device.part(part), device.slot_floats()};
}

}  // namespace linnet::cuda
