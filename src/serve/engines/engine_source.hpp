#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "generate/engine.hpp"
#include "serve/engines/engine_room.hpp"

namespace linnet::serve {

/// How the engine of a model comes into memory, again and again, and what it takes there.
struct EngineSource {
  std::function<Result<std::unique_ptr<Engine>>()> load;
  /// Bytes of the machine's memory, including those that it has not touched yet.
  std::int64_t bytes = 0;
  /// An Error that says need and have if the memory that is available now does not hold it
  /// beside `others`; empty: nobody asks.
  std::function<Status(const EnginesInMemory& others)> check_memory{};
  /// The path of its file; clients are told only its name.
  std::filesystem::path path{};
};

/// What `others`, which have touched `touched_bytes` of the machine's memory, leave of a memory of
/// which `available_bytes` are available. The machine gives memory when it is touched, so what they
/// were given and have not touched yet still counts as available; on a GPU it does not. Alone a
/// model has all that it was planned with; beside others the reserve must be there still.
std::int64_t left_beside(const EnginesInMemory& others, BackendKind backend,
                         std::int64_t available_bytes, std::int64_t touched_bytes);

/// Default tokens of the cache that all texts of a model share: some contexts, or fewer if they
/// take more than the share that each of `models` models has of half the free memory.
std::int64_t usual_kv_tokens(const MemoryPlan& plan, std::size_t models);

/// An Error if a cache for `kv_tokens` tokens is smaller than the context, or, unless `force`,
/// larger than the memory: one day all of it will be used.
Status check_cache(const MemoryPlan& plan, std::int64_t kv_tokens, bool force);

/// Loads `file`, which must outlive the result, with a cache for `kv_tokens` tokens. `plan` is what
/// it says with these options. With options.force it fits alone, whatever it takes. `progress` is
/// called from the threads of engines and may be empty.
EngineSource engine_source(const ModelFile& file, const EngineOptions& options,
                           const MemoryPlan& plan, std::int64_t kv_tokens,
                           const WeightLoader::Progress& progress = {});

}  // namespace linnet::serve
