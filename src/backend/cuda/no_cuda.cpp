// Linked where there is no CUDA compiler.

#include "backend/cuda/cuda.hpp"

namespace linnet {

Result<CudaDevice> probe_cuda() { return Error{"this program was built without CUDA"}; }

Result<std::unique_ptr<Backend>> make_cuda_backend(int, const CudaOptions&) {
  return probe_cuda().error();
}

Result<CudaCeilings> measure_cuda_ceilings(const CudaCeilingSizes&) { return probe_cuda().error(); }

}  // namespace linnet
