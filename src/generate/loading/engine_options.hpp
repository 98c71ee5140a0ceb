#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/cuda/cuda.hpp"
#include "backend/product_observer.hpp"
#include "model/model.hpp"
#include "vision/vision_file.hpp"

namespace linnet {

enum class BackendKind { kCpu, kReference, kCuda };

struct EngineOptions {
  int threads = 0;           ///< 0: as many as the machine really gives
  std::int64_t context = 0;  ///< 0: what the model was trained for, as far as memory allows
  KvType kv_type = KvType::kF16;
  BackendKind backend = BackendKind::kCpu;
  /// With kCuda: the last `gpu_layers` layers run on the GPU, those before them on the CPU. Fewer,
  /// or none, if a layer reads what one before it keeps: both must be in one place. Nothing: as
  /// many as fit (MemoryPlan::gpu_layers).
  std::optional<int> gpu_layers;
  std::string instruction_set;  ///< see make_cpu_backend; empty: the best that the machine has
  CudaOptions cuda;
  /// Is shown all products, which only kCpu can do; outlives the engine.
  ProductObserver* observer = nullptr;
  BatchLimits limits;
  bool force = false;  ///< load even if memory seems too small

  bool speculate = false;  ///< guess next tokens and verify several at once; the text is the same
  /// With `speculate`: the GGUF file of a smaller model that guesses, or of one that does so for
  /// this model alone (read_draft_spec()). Empty: guesses are looked up in the text so far, or come
  /// from the model's own layers for that (ModelFile::prediction).
  std::string draft_model;
};

/// Layers of a model and where they run.
struct ModelPart {
  BackendKind backend;
  LayerRange layers;
};

/// The parts of a model, in the order in which they are computed; `gpu_layers` left open is all.
std::vector<ModelPart> parts_of(const ModelSpec& spec, const EngineOptions& options);

/// The most that a step takes where the cache is no smaller; `vision` is the encoder of the model's
/// pictures, null if it reads none.
BatchLimits batch_limits(const ModelSpec& spec, const EngineOptions& options,
                         const VisionFile* vision);

}  // namespace linnet
