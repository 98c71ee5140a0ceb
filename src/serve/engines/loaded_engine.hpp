#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "generate/engine.hpp"
#include "generate/prompt_pacer.hpp"
#include "serve/engines/cache_folder.hpp"
#include "serve/engines/shared_by_engines.hpp"

namespace linnet::serve {

/// The engine of a model while it is in memory: steps it at the pace that running texts want, keeps
/// texts in the cache folder, and counts all that. Belongs to one thread.
class LoadedEngine {
 public:
  /// `shared` and `metrics` must outlive this. Reads what the cache folder has kept.
  LoadedEngine(std::unique_ptr<Engine> engine, SharedByEngines& shared, ModelMetrics& metrics);
  /// The memory is free when that is told in the metrics.
  ~LoadedEngine();
  LoadedEngine(const LoadedEngine&) = delete;
  LoadedEngine& operator=(const LoadedEngine&) = delete;

  bool idle() const { return engine_->idle(); }
  Status submit(GenerateRequest request);
  /// Cuts prompts so that the step does not keep running texts waiting, and learns from its time.
  Status step();

  bool keeps_texts() const { return kept_.has_value(); }
  /// Keeps one text; false if all are kept already. Only if keeps_texts().
  bool save_text();

 private:
  // What engines that were here before have counted.
  struct Counted {
    std::int64_t preemptions, guessed, accepted, unsaved;
  };

  void keep_text(GenerateRequest& request);
  void count_step();

  SharedByEngines& shared_;
  ModelMetrics& metrics_;
  const Counted counted_;
  std::unique_ptr<Engine> engine_;
  PromptPacer pacer_;
  std::optional<CacheFolder> kept_;
};

}  // namespace linnet::serve
