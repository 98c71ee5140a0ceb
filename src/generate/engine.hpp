#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generate/loading/model_file.hpp"
#include "generate/scheduler.hpp"
#include "generate/session/session_file.hpp"

namespace linnet {

/// A loaded model with its KV cache and scheduler. Belongs to one thread.
class Engine {
 public:
  /// Loads the weights of `file`, which must outlive the engine, and a KV cache for `kv_tokens`
  /// tokens.
  static Result<std::unique_ptr<Engine>> load(const ModelFile& file, const EngineOptions& options,
                                              std::int64_t kv_tokens,
                                              WeightLoader::Progress progress = {});

  /// An Error names what is wrong with the request: an empty prompt, a token that is not in the
  /// vocabulary, more tokens than the context holds, text from an encoder.
  Status submit(GenerateRequest request);
  /// One step of all requests; see Scheduler::step. Fails, too, if the file of the model or of its
  /// draft model has changed (see ModelFile::check_lazy_weights).
  Status step();
  /// Steps until all requests have ended, and calls `after_step`, if there is one, after each.
  /// If a step fails or a callback throws, those that are left are forgotten, so that nothing is
  /// called any more that may be gone by then.
  Status run(const std::function<void()>& after_step = {});
  /// Forgets all requests; see Scheduler::drop_all.
  void drop_all() { scheduler_->drop_all(); }
  bool idle() const { return scheduler_->idle(); }
  /// See Scheduler::limit_prompt_rows.
  void limit_prompt_rows(std::int64_t rows) { scheduler_->limit_prompt_rows(rows); }
  const Scheduler& scheduler() const { return *scheduler_; }

  /// Writes a session: the cached prefix of `tokens` (the prompt and output of a request
  /// with the usual adapters that has ended: all but the last token), and `text`, which
  /// load_session returns. The file gets its name when it is complete. Returns the
  /// number of tokens that it holds. Reads the model's file once, to tell it from
  /// others.
  Result<std::int64_t> save_session(const std::filesystem::path& path,
                                    std::span<const TokenId> tokens, std::string_view text = {});
  /// Whether save_session finds what will be cached of a request: not if it has other adapters
  /// than the usual ones.
  bool can_save(const GenerateRequest& request) const;
  struct Session {
    std::vector<TokenId> tokens;
    std::int64_t cached_tokens = 0;  ///< that are not computed again; fewer if memory is short
    std::string text;
  };
  /// Restores a session, from which later requests with the same tokens go on. An Error that says
  /// why if the file is damaged or belongs to another model, KV type or backend; nothing has
  /// changed then.
  Result<Session> load_session(const std::filesystem::path& path);

  /// Evaluates `tokens` from position 0 and passes `take` the logits of the positions from `first`
  /// on: some rows [positions, vocabulary] at a time, in order. An Error if the model is an
  /// encoder, its file has changed (see ModelFile::check_lazy_weights), or of `take`, which ends
  /// it. A model with an input (ModelSpec::input) gets it in `input`, and no other model does.
  /// Overwrites what is cached: for engines that do nothing else.
  using TakeLogits = std::function<Status(std::span<const float> rows)>;
  Status logits(std::span<const TokenId> tokens, std::span<const TokenId> input, std::int64_t first,
                const TakeLogits& take);

  /// An Error if `tokens` is empty, or has one that is neither in the vocabulary nor of `media`.
  Status check_tokens(std::span<const TokenId> tokens, const Media& media = {}) const;

  const Model& model() const { return *model_; }
  /// A fingerprint of the model's file; reads the whole file, once.
  std::uint64_t model_hash();
  int threads() const { return threads_; }
  /// The backend: reference, cuda, or the instruction set of the CPU backend (see
  /// make_cpu_backend); two with a + between them if layers are split.
  std::string_view backend_name() const { return backend_name_; }
  std::int64_t kv_tokens() const { return kv_tokens_; }
  /// Most tokens of one text: what the cache holds, or fewer if the model has learned positions
  /// or reads a text as one and a step holds no more.
  std::int64_t longest_text() const;

 private:
  explicit Engine(const ModelFile& file)
      : file_(file), usual_strengths_(file.adapter_strengths()) {}
  Status make_backends(const EngineOptions& options);
  Status load_model(const BatchLimits& limits, WeightLoader::Progress progress);
  Status open_draft_model(const EngineOptions& options);
  const ModelSpec* guessing_spec() const;
  Status load_encoders();
  Status allocate_memory();
  Result<std::unique_ptr<Drafter>> load_drafter(const EngineOptions& options,
                                                std::int64_t kv_tokens);
  Result<std::unique_ptr<Drafter>> load_own_drafters(const EngineOptions& options);
  Result<std::unique_ptr<Drafter>> load_draft_model(const EngineOptions& options,
                                                    std::int64_t kv_tokens);
  SessionIdentity session_identity();
  std::uint64_t usual_root() const { return empty_prefix_hash(usual_strengths_); }
  /// Pages, and a cleared slot of recurrent state, for one sequence that has all memory.
  StoredSequence whole_cache(std::int64_t tokens);
  Status check_input(std::span<const TokenId> input) const;
  Status check_strengths(std::span<const float> strengths) const;
  Status check_rows(const Media& media) const;
  Status check_rows(const Medium& medium) const;

  const ModelFile& file_;
  std::unique_ptr<ModelFile> draft_file_;  // null without a draft model
  bool speculates_ = false;
  std::optional<std::uint64_t> model_hash_;  // once it was needed
  KvType kv_type_ = KvType::kF16;
  int threads_ = 1;
  std::int64_t kv_tokens_ = 0;
  std::vector<float> usual_strengths_;  // of adapters, if a request says nothing
  std::vector<ModelPart> parts_;
  std::vector<std::unique_ptr<Backend>> backends_;  // of the parts
  Backend* backend_ = nullptr;                      // of the last part, which has the results
  std::string backend_name_, memory_layout_;        // of all parts
  std::unique_ptr<Model> model_;
  std::unique_ptr<VisionModel> vision_;    // null if the model reads no pictures
  std::unique_ptr<HearingModel> hearing_;  // null if it hears no sounds
  SequenceMemory memory_;
  std::unique_ptr<Scheduler> scheduler_;
};

/// Has an engine forget all requests at the end of a scope, however that is left: for requests that
/// refer to what is in it.
class DropRequests {
 public:
  explicit DropRequests(Engine& engine) : engine_(engine) {}
  ~DropRequests() { engine_.drop_all(); }
  DropRequests(const DropRequests&) = delete;
  DropRequests& operator=(const DropRequests&) = delete;

 private:
  Engine& engine_;
};

}  // namespace linnet
