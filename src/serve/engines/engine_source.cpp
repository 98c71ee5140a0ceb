#include "serve/engines/engine_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/machine.hpp"
#include "base/units.hpp"
#include "serve/engines/generation.hpp"
#include "serve/file_name_only.hpp"

namespace linnet::serve {
namespace {

// What engines take where their model was described, but not loaded.
struct Need {
  std::string path;
  MemoryPlan plan;
  std::int64_t kv_tokens = 0;
  std::int64_t own_bytes = 0;  // of this program without any engine
};

Status check_memory(const Need& need, const EnginesInMemory& others) {
  for (const MemoryShare& share : need.plan.shares) {
    const auto available = available_bytes(share.part.backend);
    if (!available) return available.error();
    if (*available == 0) continue;  // unknown
    const std::int64_t touched = std::max<std::int64_t>(0, own_memory_bytes() - need.own_bytes);
    const std::int64_t left = left_beside(others, share.part.backend, *available, touched);
    const std::int64_t wanted = share.bytes(need.kv_tokens);
    if (wanted <= left) continue;
    return Error{fmt::format("{}: the model with a cache for {} tokens needs {} MiB of memory and "
                             "{} MiB are available beside {} other models",
                             need.path, need.kv_tokens, wanted / kMiB, left / kMiB, others.count),
                 kNoMemory};
  }
  return {};
}

}  // namespace

std::int64_t left_beside(const EnginesInMemory& others, BackendKind backend,
                         std::int64_t available_bytes, std::int64_t touched_bytes) {
  if (others.count == 0) return available_bytes;
  const bool is_gpu = backend == BackendKind::kCuda;
  const std::int64_t untouched =
      is_gpu ? 0 : std::max<std::int64_t>(0, others.bytes - touched_bytes);
  return std::max<std::int64_t>(0, available_bytes - untouched - reserve_bytes(backend));
}

std::int64_t usual_kv_tokens(const MemoryPlan& plan, std::size_t models) {
  constexpr std::int64_t kContexts = 8;
  const std::int64_t many = plan.context * kContexts;
  return std::max(plan.context,
                  std::min(many, plan.tokens_in_half() / static_cast<std::int64_t>(models)));
}

Status check_cache(const MemoryPlan& plan, std::int64_t kv_tokens, bool force) {
  if (kv_tokens < plan.context) {
    return Error{
        fmt::format("one text may have {} tokens, the context, and the cache must hold it; --ctx "
                    "makes the context smaller",
                    plan.context)};
  }
  if (force) return {};
  for (const MemoryShare& share : plan.shares) {
    const std::int64_t need = share.bytes(kv_tokens), have = share.available_bytes;
    if (have == 0 || need <= have) continue;
    return Error{fmt::format(
        "the model with a cache of that size needs {} MiB of memory and {} MiB are available; "
        "--force starts anyway",
        need / kMiB, have / kMiB)};
  }
  return {};
}

EngineSource engine_source(const ModelFile& file, const EngineOptions& options,
                           const MemoryPlan& plan, std::int64_t kv_tokens,
                           const WeightLoader::Progress& progress) {
  EngineSource source;
  source.path = file.file().path();
  EngineOptions loaded = options;
  // A step that takes a text as one is no longer than it, whatever the cache holds.
  if (!file.spec().causal) loaded.context = plan.context;
  source.load = [&file, loaded, kv_tokens, progress]() -> Result<std::unique_ptr<Engine>> {
    // It was opened long ago, perhaps; where it was cut since, reading it would end the program.
    if (Status s = file.check_unchanged(); !s) return s.error();
    auto engine = Engine::load(file, loaded, kv_tokens, progress);
    if (engine) return engine;
    // The path above is of one file; clients are told of the others, too.
    Folders folders = folders_of(file);
    folders.front() = std::filesystem::path(loaded.draft_model).parent_path();
    return Error{file_name_only(engine.error().message, folders), engine.error().code};
  };
  for (const MemoryShare& share : plan.shares) {
    if (share.part.backend == BackendKind::kCuda) continue;
    source.bytes = saturating_add(source.bytes, share.bytes(kv_tokens));
  }
  const Need need{file.file().path().string(), plan, kv_tokens, own_memory_bytes()};
  source.check_memory = [need, force = options.force](const EnginesInMemory& others) {
    return force && others.count == 0 ? Status() : check_memory(need, others);
  };
  return source;
}

}  // namespace linnet::serve
