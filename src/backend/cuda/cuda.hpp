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

/// An Error where the CUDA backend keeps no keys and values in `type`.
inline Status check_cuda_keeps(KvType type) {
  if (type != KvType::kQ4_0) return {};
  return Error{"the CUDA backend keeps no keys and values in " + std::string(info_of(type).name) +
               "; f8_e4m3 and q8_0 are its smallest types"};
}

struct CudaOptions {
  // What may be left out, to find out what it is worth.
  bool graphs = true;   ///< steps that come again are sent as CUDA graphs
  bool library = true;  ///< prompts are multiplied by cuBLASLt, where it is found
  bool picks = true;    ///< of rows of logits only what samplers need is copied to the host
  bool early = true;    ///< kernels begin before the ones in front of them have ended (Hopper)
  bool wgmma = true;    ///< products of more than a few rows are those of warpgroups (Hopper)
  bool chunks = true;   ///< prompts of delta nets go in chunks, unless `deterministic`
  /// Index keys are scored on tensor cores, and keys that were picked or compressed are brought
  /// together for attention, unless `deterministic`.
  bool sparse = true;

  /// A row of a result depends on its own inputs, position and sequence only, bit for bit, as on
  /// the CPU: kernels and the order of additions are the same whatever the number of rows.
  bool deterministic = false;
};

/// The backend on the first GPU (other ones by CUDA_VISIBLE_DEVICES). `threads` (>= 1) repack the
/// weights while they are uploaded. What the device reports later - lost, out of memory - is told
/// by Backend::status(); operations after that do nothing.
Result<std::unique_ptr<Backend>> make_cuda_backend(int threads, const CudaOptions& options = {});

/// What the first GPU can do at most, as measured now.
struct CudaCeilings {
  double read_bytes_per_s = 0;
  /// Multiplications and additions of products of binary16 with sums in float32, by cuBLASLt; 0
  /// where that is not found.
  double half_operations_per_s = 0;
};

/// How much is read, and the sides of the square matrices that are multiplied.
struct CudaCeilingSizes {
  std::int64_t read_bytes = std::int64_t{2} << 30;
  std::int64_t product_side = 8192;
};

/// The best of five runs each; takes about a second and the memory of the sizes.
Result<CudaCeilings> measure_cuda_ceilings(const CudaCeilingSizes& sizes = {});

}  // namespace linnet
