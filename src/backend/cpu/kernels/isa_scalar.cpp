#include "backend/cpu/kernels/table.hpp"
#include "backend/cpu/simd/scalar.hpp"

namespace linnet::cpu {

const Kernels& scalar_kernels() { return kernel_table<Scalar>(); }

}  // namespace linnet::cpu
