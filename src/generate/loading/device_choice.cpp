#include "generate/loading/device_choice.hpp"

namespace linnet {

void use_gpu(const ModelFile& file, EngineOptions& options) {
  options.backend = BackendKind::kCuda;
  if (options.gpu_layers) return;
  if (const auto plan = file.plan(options)) options.gpu_layers = plan->gpu_layers(file.spec());
}

Status try_gpu(const ModelFile& file, EngineOptions& options) {
  EngineOptions on_gpu = options;
  on_gpu.backend = BackendKind::kCuda;
  on_gpu.force = false;
  const auto plan = file.plan(on_gpu);
  if (!plan) return plan.error();
  options.backend = BackendKind::kCuda;
  options.gpu_layers = plan->gpu_layers(file.spec());
  return {};
}

}  // namespace linnet
