#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serve/engines/job_queue.hpp"
#include "serve/engines/loaded_engine.hpp"

namespace linnet::serve {

/// The texts that an engine generates side by side. Belongs to the engine's thread.
class EngineTexts {
 public:
  std::size_t size() const { return texts_.size(); }
  bool empty() const { return texts_.empty(); }
  RunningTexts of_clients() const;

  /// Has `engine` generate a text, which is one of these until it ends. Its output goes to the
  /// job's generation. Must outlive what the engine has to do.
  Status start(Job job, LoadedEngine& engine);
  /// From now on `generation` does not belong to these texts.
  void forget(const std::shared_ptr<Generation>& generation);
  /// All fail, and leave the engine at its next step.
  void fail_all(const std::string& message);

 private:
  struct Text {
    std::shared_ptr<Generation> generation;
    std::uint64_t client;
  };

  void end(const std::shared_ptr<Generation>& generation, const Result<FinishReason>& ending);

  std::vector<Text> texts_;
};

}  // namespace linnet::serve
