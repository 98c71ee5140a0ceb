#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generate/engine.hpp"
#include "support/mixer_cases.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {

/// The model of an oracle case (tests/data/architectures) as a file, and engines that run it.
class TinyModel {
 public:
  explicit TinyModel(const std::string& name) : TinyModel(OracleCase::read(name)) {}
  explicit TinyModel(const OracleCase& oracle);

  std::filesystem::path path() const { return folder_ / "model.gguf"; }
  const ModelFile& file() const { return *file_; }
  std::int32_t vocabulary() const { return vocabulary_; }

  static EngineOptions options();
  std::unique_ptr<Engine> engine(const EngineOptions& options = TinyModel::options(),
                                 std::int64_t kv_tokens = 2048) const;

  std::vector<std::int32_t> prompt(int length, int salt = 0) const;

 private:
  TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_;
  std::int32_t vocabulary_ = 0;
};

/// A text while it is generated.
struct Text {
  std::vector<std::int32_t> tokens;
  std::int64_t cached_tokens = -1;
  std::optional<FinishReason> reason;
  std::string error;  ///< why it failed, if it did
};

/// Queues a request whose output goes to `text`, which outlives it.
void submit(Engine& engine, GenerateRequest request, Text& text);

GenerateRequest greedy(std::vector<std::int32_t> prompt, std::int64_t max_tokens);

/// Runs until all requests have ended; gives the number of steps.
int finish(Engine& engine);

/// One request from beginning to end.
Text run(Engine& engine, GenerateRequest request);

/// The logits of all positions, [tokens, vocabulary].
Result<std::vector<float>> all_logits(Engine& engine, std::span<const TokenId> tokens,
                                      std::span<const TokenId> input = {});

}  // namespace linnet::test
