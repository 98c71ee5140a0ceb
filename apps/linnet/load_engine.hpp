#pragma once

#include <cstdint>
#include <memory>

#include "generate/engine.hpp"

namespace linnet::app {

/// Engine::load, which says on a terminal how far it is.
Result<std::unique_ptr<Engine>> load_engine(const ModelFile& file, const EngineOptions& options,
                                            std::int64_t kv_tokens);

}  // namespace linnet::app
