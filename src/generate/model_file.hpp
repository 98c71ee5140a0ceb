#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "architectures/architecture.hpp"
#include "backend/cuda/cuda.hpp"
#include "base/checked.hpp"
#include "gguf/gguf_file.hpp"
#include "model/model.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

enum class BackendKind { kCpu, kReference, kCuda };

struct EngineOptions {
  int threads = 0;           ///< 0: as many as the machine really gives
  std::int64_t context = 0;  ///< 0: what the model was trained for, as far as memory allows
  KvType kv_type = KvType::kF16;
  BackendKind backend = BackendKind::kCpu;
  std::string instruction_set;  ///< see make_cpu_backend; empty: the best that the machine has
  CudaOptions cuda;
  BatchLimits limits;
  bool force = false;  ///< load even if memory seems too small

  bool speculate = false;   ///< guess next tokens and verify several at once; the text is the same
  std::string draft_model;  ///< with `speculate`: the GGUF file of a smaller model that guesses;
                            ///< empty: look the guesses up in the text so far
};

/// What running a model takes, worked out from the header alone.
struct MemoryPlan {
  std::int64_t context = 0;          ///< tokens that the KV cache will hold at most
  std::int64_t trained_context = 0;  ///< that the model was trained for
  std::int64_t weights_bytes = 0;
  std::int64_t kv_bytes_per_token = 0;
  std::int64_t state_bytes = 0;      ///< recurrent state of sequences and checkpoints
  std::int64_t available_bytes = 0;  ///< of the machine, or of the GPU; 0: unknown

  /// The sums of absurd files end at the largest number.
  std::int64_t kv_bytes() const { return saturating_multiply(context, kv_bytes_per_token); }
  std::int64_t total_bytes() const {
    return saturating_add(weights_bytes, saturating_add(kv_bytes(), state_bytes));
  }
};

/// A GGUF file opened far enough to encode prompts and to say what the model is and takes; no
/// weights are loaded.
class ModelFile {
 public:
  /// `pre_tokenizer` counts instead of what the file names, if not empty. `architectures` are those
  /// that can be opened; a program adds its own to all_architectures().
  static Result<std::unique_ptr<ModelFile>> open(
      const std::string& path, std::string_view pre_tokenizer = {},
      std::span<const Architecture> architectures = all_architectures());

  const gguf::File& file() const { return file_; }
  const ModelSpec& spec() const { return spec_; }
  /// Null for files without a vocabulary.
  const Tokenizer* tokenizer() const { return tokenizer_.get(); }

  /// Chooses the context length. An Error that says need and have where the model does not fit
  /// (unless options.force), or where options.context is more than memory or learned positions
  /// allow.
  Result<MemoryPlan> plan(const EngineOptions& options) const;

  /// While the model runs: an Error if the file has changed although weights are still read from
  /// it, as those of experts are when they are first used.
  Status check_lazy_weights() const;

 private:
  explicit ModelFile(gguf::File file) : file_(std::move(file)) {}

  gguf::File file_;
  ModelSpec spec_;
  bool has_experts_ = false;
  std::unique_ptr<Tokenizer> tokenizer_;
};

/// Bytes that the weights of `file` take where the backend keeps them.
std::int64_t weights_bytes(const gguf::File& file, BackendKind backend);

/// Free memory of the machine, or of the GPU; 0: unknown. An Error where there is no GPU.
Result<std::int64_t> available_bytes(BackendKind backend);

/// Slots for the recurrent state of sequences that run side by side and for checkpoints of
/// prefixes: as many as are useful and take at most a part of `available_bytes` (0: unknown); 0 for
/// models of attention alone.
std::int64_t choose_state_slots(const ModelSpec& spec, std::int64_t available_bytes);

/// An Error that says what the model is good for where it is an encoder, which makes no text.
Status check_makes_text(const ModelFile& file);

/// An Error that names both numbers if `prompt_tokens` and `max_tokens` exceed `context` together.
Status check_context(std::int64_t prompt_tokens, std::int64_t max_tokens, std::int64_t context);

}  // namespace linnet
