#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/device.cuh"

namespace linnet::cuda {

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__device__ inline float softplus(float x) {
  return x > 20.0f ? x : log1pf(expf(x));  // beyond 20 the difference is below half an ulp
}

// 0.5 x (1 + tanh(u)) = x sigmoid(2 u)
__device__ inline float gelu(float x) {
  return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

/// See Activation.
__device__ inline float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::kSilu:
      return x * sigmoid(x);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kGeluQuick:
      return x * sigmoid(1.702f * x);
    case Activation::kGeluErf:
      return 0.5f * x * erfcf(-0.70710678118f * x);
    case Activation::kRelu:
      return fmaxf(x, 0.0f);
    case Activation::kReluSquared:
      return fmaxf(x, 0.0f) * fmaxf(x, 0.0f);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kTanh:
      return tanhf(x);
    case Activation::kSoftplus:
      return softplus(x);
    case Activation::kGeluOfHalves:
      if (fabsf(x) >= 10.0f) return fmaxf(x, 0.0f);
      return from_half(to_half(gelu(from_half(to_half(x)))));
    case Activation::kIdentity:
      return x;
    case Activation::kSquareRoot:
      return sqrtf(x);
    case Activation::kElu:
      return x > 0.0f ? x : expm1f(x);
    case Activation::kClampedSwiglu:
      return fminf(x, 7.0f) * sigmoid(1.702f * fminf(x, 7.0f));
  }
  return x;
}

/// What the activated gate is multiplied with.
__device__ inline float up_factor(Activation activation, float up) {
  if (activation != Activation::kClampedSwiglu) return up;
  return fminf(fmaxf(up, -7.0f), 7.0f) + 1.0f;
}

}  // namespace linnet::cuda
