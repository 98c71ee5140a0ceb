#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/checked.hpp"
#include "generate/loading/engine_options.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/lora.hpp"
#include "hearing/hearing_file.hpp"
#include "vision/vision_file.hpp"

namespace linnet {

/// The encoders that go with a model; null: it has none of that kind.
struct EncoderFiles {
  const VisionFile* vision = nullptr;
  const HearingFile* hearing = nullptr;
};

/// What a part of a model takes in the memory where it runs.
struct MemoryShare {
  ModelPart part{};
  std::int64_t weights_bytes = 0;  ///< with those of adapters and encoders
  std::int64_t kv_bytes_per_token = 0;
  std::int64_t state_bytes = 0;      ///< recurrent state of sequences and checkpoints, and trials
  std::int64_t guessing_bytes = 0;   ///< workspace of what guesses
  std::int64_t step_bytes = 0;       ///< of a step that takes a text as one, as long as the context
  std::int64_t available_bytes = 0;  ///< of the machine, or of the GPU; 0: unknown

  /// Memory that the index of cached pages takes for each of their tokens, even if no layer
  /// keeps anything of a token.
  static constexpr std::int64_t kLeastTokenBytes = 16;

  std::int64_t token_bytes() const { return std::max(kv_bytes_per_token, kLeastTokenBytes); }
  /// Whatever the context.
  std::int64_t fixed_bytes() const {
    return saturating_add(saturating_add(weights_bytes, state_bytes), guessing_bytes);
  }
  std::int64_t bytes(std::int64_t tokens) const {
    return saturating_add(saturating_add(fixed_bytes(), step_bytes),
                          saturating_multiply(tokens, token_bytes()));
  }
};

/// What running a model takes, worked out from the header alone.
struct MemoryPlan {
  std::int64_t context = 0;          ///< tokens that the KV cache will hold at most
  std::int64_t trained_context = 0;  ///< that the model was trained for
  std::vector<MemoryShare> shares;   ///< of the parts of the model

  std::int64_t weights_bytes() const;
  /// Bytes of keys and values for `context` tokens. For absurd files it is the largest number.
  std::int64_t kv_bytes() const;
  std::int64_t total_bytes() const;
  /// Tokens whose keys and values fit into half of what weights and state leave of each memory;
  /// the largest number where that is unknown.
  std::int64_t tokens_in_half() const;
  /// Layers on the GPU; 0 without one.
  int gpu_layers(const ModelSpec& spec) const;
};

/// See ModelFile::plan. `prediction` is the layer for multi-token prediction, if it guesses.
Result<MemoryPlan> plan_memory(const gguf::File& file, const ModelSpec& spec,
                               const EngineOptions& options,
                               std::span<const gguf::Lora> adapters = {},
                               const EncoderFiles& encoders = {},
                               const ModelSpec* prediction = nullptr);

/// Free memory of the machine, or of the GPU; 0: unknown. An Error if there is no GPU.
Result<std::int64_t> available_bytes(BackendKind backend);

/// What a plan leaves of the memory of `backend`: to the kernel, other programs and the workspace.
std::int64_t reserve_bytes(BackendKind backend);

/// Slots for the recurrent state of sequences that run side by side and for checkpoints of
/// prefixes, the same in all `shares`: as many as are useful and take at most a part of what the
/// weights leave of each memory; 0 if there is no state.
std::int64_t choose_state_slots(const ModelSpec& spec, std::span<const MemoryShare> shares);

}  // namespace linnet
