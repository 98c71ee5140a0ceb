#include <dlfcn.h>

#include <algorithm>

#include "backend/cuda/cublas_lt.hpp"

namespace linnet::cuda {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// The program itself, if it has the library, or one of those that there are; never closed.
void* find_library() {
  for (const char* name : {static_cast<const char*>(nullptr), "libcublasLt.so.13",
                           "libcublasLt.so.12", "libcublasLt.so"}) {
    void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library && dlsym(library, "cublasLtCreate")) return library;
  }
  return nullptr;
}

}  // namespace

// The matrices as the library sees them, which counts by columns: the weights are [columns x
// outputs] and taken transposed, the inputs [columns x rows], the outputs [outputs x rows].
struct CublasLt::Layouts {
  explicit Layouts(const Functions& library) : functions(library) {}
  ~Layouts() {
    for (cublasLtMatrixLayout_t layout : {weights, in, out}) {
      if (layout) functions.destroy_layout(layout);
    }
  }
  bool make(const HalfProduct& p) {
    const auto outputs = static_cast<std::uint64_t>(p.outputs);
    const auto rows = static_cast<std::uint64_t>(p.rows);
    const auto columns = static_cast<std::uint64_t>(p.columns);
    const auto made = [&](cublasLtMatrixLayout_t& layout, cudaDataType_t type, std::uint64_t height,
                          std::uint64_t width, std::int64_t stride) {
      return functions.create_layout(&layout, type, height, width, stride) == CUBLAS_STATUS_SUCCESS;
    };
    return made(weights, CUDA_R_16F, columns, outputs, p.columns) &&
           made(in, CUDA_R_16F, columns, rows, p.columns) &&
           made(out, CUDA_R_32F, outputs, rows, p.out_stride);
  }

  const Functions& functions;
  cublasLtMatrixLayout_t weights = nullptr, in = nullptr, out = nullptr;
};

bool CublasLt::load() {
  void* library = find_library();
  return library && find(library, "cublasLtCreate", functions_.create) &&
         find(library, "cublasLtDestroy", functions_.destroy) &&
         find(library, "cublasLtMatmulDescCreate", functions_.create_operation) &&
         find(library, "cublasLtMatmulDescDestroy", functions_.destroy_operation) &&
         find(library, "cublasLtMatmulDescSetAttribute", functions_.set_operation) &&
         find(library, "cublasLtMatrixLayoutCreate", functions_.create_layout) &&
         find(library, "cublasLtMatrixLayoutDestroy", functions_.destroy_layout) &&
         find(library, "cublasLtMatmulPreferenceCreate", functions_.create_preference) &&
         find(library, "cublasLtMatmulPreferenceDestroy", functions_.destroy_preference) &&
         find(library, "cublasLtMatmulPreferenceSetAttribute", functions_.set_preference) &&
         find(library, "cublasLtMatmulAlgoGetHeuristic", functions_.choose) &&
         find(library, "cublasLtMatmul", functions_.multiply);
}

// Sums in float32, the weights transposed, both factors in device memory.
bool CublasLt::make_operation() {
  if (functions_.create(&handle_) != CUBLAS_STATUS_SUCCESS ||
      functions_.create_operation(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F) !=
          CUBLAS_STATUS_SUCCESS) {
    return false;
  }
  const cublasOperation_t transposed = CUBLAS_OP_T;
  const cublasLtPointerMode_t on_device = CUBLASLT_POINTER_MODE_DEVICE;
  return functions_.set_operation(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                  sizeof transposed) == CUBLAS_STATUS_SUCCESS &&
         functions_.set_operation(operation_, CUBLASLT_MATMUL_DESC_POINTER_MODE, &on_device,
                                  sizeof on_device) == CUBLAS_STATUS_SUCCESS;
}

std::unique_ptr<CublasLt> CublasLt::open() {
  std::unique_ptr<CublasLt> library(new CublasLt());
  if (!library->load() || !library->make_operation()) return nullptr;
  return library;
}

CublasLt::~CublasLt() {
  if (operation_) functions_.destroy_operation(operation_);
  if (handle_) functions_.destroy(handle_);
}

std::optional<cublasLtMatmulAlgo_t> CublasLt::ask(const Layouts& layouts,
                                                  std::uint32_t alignment) const {
  cublasLtMatmulPreference_t preference = nullptr;
  if (functions_.create_preference(&preference) != CUBLAS_STATUS_SUCCESS) return std::nullopt;
  const std::size_t workspace = kWorkspaceBytes;
  functions_.set_preference(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                            sizeof workspace);
  for (const auto which :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    functions_.set_preference(preference, which, &alignment, sizeof alignment);
  }
  cublasLtMatmulHeuristicResult_t best{};
  int found = 0;
  const cublasStatus_t status =
      functions_.choose(handle_, operation_, layouts.weights, layouts.in, layouts.out, layouts.out,
                        preference, 1, &best, &found);
  functions_.destroy_preference(preference);
  if (status != CUBLAS_STATUS_SUCCESS || found == 0) return std::nullopt;
  return best.algo;
}

const std::optional<cublasLtMatmulAlgo_t>& CublasLt::choose(const HalfProduct& p,
                                                            const Layouts& layouts) {
  const auto address = reinterpret_cast<std::uintptr_t>(p.out);
  const auto alignment =
      static_cast<std::uint32_t>(std::min<std::uintptr_t>(address & (~address + 1), 256));
  const Shape shape{p.outputs, p.rows, p.columns, p.out_stride, alignment};
  auto known = chosen_.find(shape);
  if (known == chosen_.end()) known = chosen_.emplace(shape, ask(layouts, alignment)).first;
  return known->second;
}

bool CublasLt::can(const HalfProduct& product) {
  Layouts layouts(functions_);
  return layouts.make(product) && choose(product, layouts).has_value();
}

bool CublasLt::multiply(const HalfProduct& p, void* workspace, cudaStream_t stream) {
  Layouts layouts(functions_);
  if (!layouts.make(p)) return false;
  const auto& algorithm = choose(p, layouts);
  return algorithm && functions_.multiply(handle_, operation_, p.factors, p.weights,
                                          layouts.weights, p.in, layouts.in, p.factors + 1, p.out,
                                          layouts.out, p.out, layouts.out, &*algorithm, workspace,
                                          kWorkspaceBytes, stream) == CUBLAS_STATUS_SUCCESS;
}

}  // namespace linnet::cuda
