#pragma once

#include "generate/loading/engine_options.hpp"
#include "generate/loading/model_file.hpp"

namespace linnet {

/// Runs `file` on the GPU, with as many layers there as fit if options.gpu_layers leaves it
/// open. What is wrong is told by ModelFile::plan().
void use_gpu(const ModelFile& file, EngineOptions& options);

/// The same, but an Error that says why, and the CPU, if there is no GPU or `file` does not fit
/// there.
Status try_gpu(const ModelFile& file, EngineOptions& options);

}  // namespace linnet
