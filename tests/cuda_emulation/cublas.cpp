// Products by columns, as cuBLASLt's manual says: d = alpha * op(a) * b + beta * c.

#include <cublasLt.h>

#include "base/half.hpp"
#include "device_memory.hpp"
#include "emulation.hpp"

namespace linnet::emulation {
namespace {

std::size_t product_count = 0;

}  // namespace

std::size_t library_products() { return product_count; }

}  // namespace linnet::emulation

using namespace linnet::emulation;

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = nullptr;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return CUBLAS_STATUS_SUCCESS; }
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation, cublasComputeType_t,
                                        cudaDataType_t) {
  *operation = new EmulatedOperation;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) {
  delete operation;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t which,
                                              const void* value, std::size_t bytes) {
  if (which == CUBLASLT_MATMUL_DESC_TRANSA) {
    std::memcpy(&operation->first, value, bytes);
  } else {
    std::memcpy(&operation->factors, value, bytes);
  }
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t stride) {
  *layout = new EmulatedLayout{type, rows, columns, stride};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = nullptr;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t) {
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t,
                                                    const void*, std::size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

// Only what the backend may ask for: lines of 16 bytes, and sizes that fit each other.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t, int,
                                              cublasLtMatmulHeuristicResult_t* found, int* count) {
  const bool fits = operation->first == CUBLAS_OP_T && a->rows == b->rows &&
                    a->columns == d->rows && b->columns == d->columns && c->rows == d->rows &&
                    a->stride % 8 == 0 && b->stride % 8 == 0 &&
                    d->stride >= static_cast<std::int64_t>(d->rows);
  *count = fits ? 1 : 0;
  found->algo.number = 1;
  return fits ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void* beta, const void* c,
                              cublasLtMatrixLayout_t, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t) {
  if (algorithm->number != 1 || operation->factors != CUBLASLT_POINTER_MODE_DEVICE || c != d ||
      !arena().holds(workspace, workspace_bytes)) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  ++product_count;
  run_all();
  const Open open;
  const float factor = *static_cast<const float*>(alpha), kept = *static_cast<const float*>(beta);
  for (std::uint64_t column = 0; column < d_layout->columns; ++column) {
    for (std::uint64_t row = 0; row < d_layout->rows; ++row) {
      const auto* left = static_cast<const std::uint16_t*>(a) + row * a_layout->stride;
      const auto* right = static_cast<const std::uint16_t*>(b) + column * b_layout->stride;
      float sum = 0.0f;
      for (std::uint64_t k = 0; k < a_layout->rows; ++k) {
        sum += linnet::half_to_float(left[k]) * linnet::half_to_float(right[k]);
      }
      float* to = static_cast<float*>(d) + column * d_layout->stride + row;
      *to = factor * sum + (kept == 0.0f ? 0.0f : kept * *to);
    }
  }
  return CUBLAS_STATUS_SUCCESS;
}
