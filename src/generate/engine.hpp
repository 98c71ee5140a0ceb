#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generate/scheduler.hpp"
#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

enum class BackendKind { kCpu, kReference };

struct EngineOptions {
  int threads = 0;           ///< 0: as many as the machine really gives
  std::int64_t context = 0;  ///< 0: what the model was trained for, as far as memory allows
  KvType kv_type = KvType::kF16;
  BackendKind backend = BackendKind::kCpu;
  std::string instruction_set;  ///< see make_cpu_backend; empty: the best that the machine has
  BatchLimits limits;
  bool force = false;  ///< load even if memory seems too small
};

/// What running a model takes, worked out from the header alone.
struct MemoryPlan {
  std::int64_t context = 0;          ///< tokens that the KV cache will hold at most
  std::int64_t trained_context = 0;  ///< that the model was trained for
  std::int64_t weights_bytes = 0;
  std::int64_t kv_bytes_per_token = 0;
  std::int64_t state_bytes = 0;      ///< recurrent state of sequences and checkpoints
  std::int64_t available_bytes = 0;  ///< 0: unknown

  std::int64_t kv_bytes() const { return context * kv_bytes_per_token; }
  std::int64_t total_bytes() const { return weights_bytes + kv_bytes() + state_bytes; }
};

/// A GGUF file opened far enough to encode prompts and to say what the model is and takes; no
/// weights are loaded.
class ModelFile {
 public:
  static Result<std::unique_ptr<ModelFile>> open(const std::string& path,
                                                 std::string_view pre_tokenizer = {});

  const gguf::File& file() const { return file_; }
  const ModelSpec& spec() const { return spec_; }
  /// Null for files without a vocabulary.
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }

  /// Chooses the context length. An Error that says need and have where the model does not fit
  /// (unless options.force), or where options.context is more than memory allows.
  Result<MemoryPlan> plan(const EngineOptions& options) const;

 private:
  explicit ModelFile(gguf::File file) : file_(std::move(file)) {}

  gguf::File file_;
  ModelSpec spec_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

/// Slots for the recurrent state of sequences that run side by side and for checkpoints of
/// prefixes: as many as are useful and take at most a part of `available_bytes` (0: unknown); 0 for
/// models of attention alone.
std::int64_t choose_state_slots(const ModelSpec& spec, std::int64_t available_bytes);

/// An Error that names both numbers if `prompt_tokens` and `max_tokens` exceed `context` together.
Status check_context(std::int64_t prompt_tokens, std::int64_t max_tokens, std::int64_t context);

/// A loaded model with its KV cache and scheduler. Belongs to one thread.
class Engine {
 public:
  /// Loads the weights of `file`, which must outlive the engine, and a KV cache for `kv_tokens`
  /// tokens.
  static Result<std::unique_ptr<Engine>> load(const ModelFile& file, const EngineOptions& options,
                                              std::int64_t kv_tokens,
                                              WeightLoader::Progress progress = {});

  /// An Error names what is wrong with the request: an empty prompt, a token that is not in the
  /// vocabulary, more tokens than the context holds.
  Status submit(GenerateRequest request);
  /// One step of all requests; see Scheduler::step.
  Status step() { return scheduler_->step(); }
  bool idle() const { return scheduler_->idle(); }
  const Scheduler& scheduler() const { return *scheduler_; }

  /// Logits of every position of `tokens`, [tokens, vocabulary], evaluated from position 0.
  Result<std::vector<float>> logits(std::span<const TokenId> tokens);

  const Model& model() const { return *model_; }
  int threads() const { return threads_; }
  /// The backend: reference, or the instruction set of the CPU backend (see make_cpu_backend).
  std::string_view backend_name() const { return backend_->name(); }
  std::int64_t kv_tokens() const { return kv_tokens_; }

 private:
  Engine() = default;
  Status allocate_memory(KvType kv_type);
  Status check_tokens(std::span<const TokenId> tokens) const;

  int threads_ = 1;
  std::int64_t kv_tokens_ = 0;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  SequenceMemory memory_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace linnet
