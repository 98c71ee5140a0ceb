#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <tuple>

namespace linnet::cuda {

/// out [rows][outputs] = factors[0] * in [rows][columns] * weights [outputs][columns]^T
///                     + factors[1] * out
struct HalfProduct {
  const std::uint16_t* weights;  ///< binary16
  const std::uint16_t* in;       ///< binary16
  const float* factors;          ///< two, in device memory
  float* out;
  std::int64_t outputs, rows, columns;
  std::int64_t out_stride;
};

/// cuBLASLt, the fastest products of large matrices that there are. It takes half a gigabyte, so it
/// is neither linked nor needed: loaded where it is found.
class CublasLt {
 public:
  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

  /// Null where it is not found, or is no use.
  static std::unique_ptr<CublasLt> open();
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  /// Whether the library has a kernel for a product of these sizes. The memory need not be there.
  bool can(const HalfProduct& product);
  /// Queues a product that it can on `stream`, with kWorkspaceBytes of device memory to work in;
  /// false if that failed.
  bool multiply(const HalfProduct& product, void* workspace, cudaStream_t stream);

 private:
  struct Functions {
    decltype(&cublasLtCreate) create;
    decltype(&cublasLtDestroy) destroy;
    decltype(&cublasLtMatmulDescCreate) create_operation;
    decltype(&cublasLtMatmulDescDestroy) destroy_operation;
    decltype(&cublasLtMatmulDescSetAttribute) set_operation;
    decltype(&cublasLtMatrixLayoutCreate) create_layout;
    decltype(&cublasLtMatrixLayoutDestroy) destroy_layout;
    decltype(&cublasLtMatmulPreferenceCreate) create_preference;
    decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference;
    decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference;
    decltype(&cublasLtMatmulAlgoGetHeuristic) choose;
    decltype(&cublasLtMatmul) multiply;
  };
  struct Layouts;
  /// What decides which kernel is the best: outputs, rows, columns, stride and alignment of `out`.
  using Shape = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::uint32_t>;

  CublasLt() = default;
  bool load();
  bool make_operation();
  const std::optional<cublasLtMatmulAlgo_t>& choose(const HalfProduct& product,
                                                    const Layouts& layouts);
  std::optional<cublasLtMatmulAlgo_t> ask(const Layouts& layouts, std::uint32_t alignment) const;

  Functions functions_{};
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  std::map<Shape, std::optional<cublasLtMatmulAlgo_t>> chosen_;
};

}  // namespace linnet::cuda
