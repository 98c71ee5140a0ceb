#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "generate/page_pool.hpp"
#include "generate/sampling/logprobs.hpp"
#include "generate/sampling/sampler_chain.hpp"
#include "generate/state_pool.hpp"
#include "model/model.hpp"

namespace linnet {

enum class FinishReason { kStop, kLength, kCancelled };

struct GenerateRequest {
  std::vector<std::int32_t> prompt;  ///< not empty, ids of the vocabulary
  std::int64_t max_tokens = 0;       ///< >= 1; prompt and this fit the context together
  SamplingParams sampling;
  /// Ends the text when one of these is drawn; it is not part of the output.
  std::vector<std::int32_t> stop_tokens;
  std::int64_t min_tokens = 0;     ///< before so many, no stop token is drawn
  std::int64_t top_logprobs = -1;  ///< -1: on_logprobs is not called
  /// Asked before each step; true ends the request with kCancelled. May be empty.
  std::function<bool()> is_cancelled;
  /// Called once, when the first tokens are about to be computed: how many tokens of the prompt the
  /// cache already held. May be empty.
  std::function<void(std::int64_t cached_tokens)> on_start;
  /// Called with each token of the output; false cancels the request.
  std::function<bool(std::int32_t token)> on_token;
  /// Called before on_token where `top_logprobs` asks for it. May be empty.
  std::function<void(const TokenLogprobs& logprobs)> on_logprobs;
  /// Called once at the end, from step(). A text that can't go on because its grammar or the
  /// banned tokens allow no token ends with kStop.
  std::function<void(FinishReason)> on_finish;
  /// Where it is set, nothing is generated: it is called with the hidden states (Model::hidden())
  /// of the prompt from `position` on, chunk by chunk, [tokens, width] without gaps; then the
  /// request ends with kStop. A prompt that was preempted begins again at 0.
  std::function<void(std::int64_t position, std::span<const float> states)> on_hidden;
};

/// The memory of all sequences: a KV cache of `pages` pages and, for models that have it, recurrent
/// state in `slots` slots.
struct SequenceMemory {
  std::unique_ptr<KvStore> kv;
  std::int64_t pages = 0;
  std::unique_ptr<StateStore> states;  ///< null for models of attention alone
  std::int64_t slots = 0;
};

/// What a step computed: a token each for running texts, and tokens of prompts.
struct StepSize {
  std::int64_t texts = 0;
  std::int64_t prompt_rows = 0;
};

/// Runs any number of requests side by side: each step is one ragged batch of prompt chunks and
/// single tokens, the single tokens first, so that texts go on while long prompts come in. Belongs
/// to one thread.
///
/// Where the KV cache runs out, the youngest sequence gives its pages to an older one and is
/// computed again later; its output is the same.
///
/// What a sequence has in common with earlier ones is not computed again: keys and values page by
/// page; recurrent state from checkpoints, which are made at the last page border of each prompt,
/// where a prompt leaves what others have in common with it, and at the latest page border of a
/// text that is being generated.
class Scheduler {
 public:
  /// The model, its backend and the memory must outlive the scheduler.
  Scheduler(Model& model, Backend& backend, SequenceMemory& memory);

  /// Queues a request. What the cache already holds of its prompt is not computed again.
  void submit(GenerateRequest request);

  bool idle() const { return sequences_.empty(); }

  /// One forward pass for whoever can go on; then picks tokens and reports what finished. An Error
  /// if nobody could go on because the KV cache is too small for the oldest sequence.
  Status step();

  /// From now on, a step with running texts takes at most `rows` tokens of prompts. 0 would keep
  /// prompts waiting until no text runs.
  void limit_prompt_rows(std::int64_t rows) { prompt_rows_ = rows; }
  /// Of the latest step().
  const StepSize& last_step() const { return last_step_size_; }

  /// Pages of the KV cache, and those that no sequence holds.
  std::int64_t pages() const { return pool_.pages(); }
  std::int64_t free_pages() const { return pool_.free_pages(); }
  /// How often a sequence had to give its pages away.
  std::int64_t preemptions() const { return preemptions_; }

 private:
  struct Sequence {
    explicit Sequence(GenerateRequest request);

    GenerateRequest request;
    SamplerChain chain;
    std::vector<std::int32_t> tokens;  // prompt and output
    std::vector<std::int32_t> pages;
    std::uint64_t prefix_hash = PagePool::kEmptyPrefix;  // of the full pages
    std::int64_t computed = 0;                           // tokens whose keys and values are stored
    std::int64_t drawn = 0;
    bool started = false;
    std::int64_t last_step = 0;               // in which it had rows
    std::optional<std::int32_t> slot;         // of its recurrent state
    std::vector<std::int64_t> borders;        // where to make checkpoints in the prompt, ascending
    std::optional<std::uint64_t> checkpoint;  // the latest one in the generated text
  };
  struct Rows;

  using Iterator = std::list<Sequence>::iterator;

  bool start(Sequence& sequence);
  bool has_room_for(const Sequence& sequence, const PagePool::Prefix& prefix) const;
  std::optional<std::size_t> resume(Sequence& sequence, const PagePool::Prefix& prefix);
  std::int64_t rows_to_checkpoint(const Sequence& sequence, std::int64_t rows) const;
  void keep_state(Sequence& sequence);
  bool reserve_pages(Iterator sequence, std::int64_t tokens);
  bool preempt_younger_than(Iterator sequence);
  void release_memory(Sequence& sequence);
  void drop_cancelled();
  Rows collect();
  void collect_from(Iterator sequence, std::int64_t most_rows, Rows& rows);
  void draw(Iterator sequence, std::span<float> logits);
  void give_hidden(const Rows& rows);
  void advance(Sequence& sequence, std::int64_t rows);
  void finish(Iterator sequence, FinishReason reason);

  Model& model_;
  Backend& backend_;
  SequenceMemory& memory_;
  PagePool pool_;
  StatePool states_;
  std::list<Sequence> sequences_;  // the oldest first
  std::int64_t step_ = 0;
  std::int64_t preemptions_ = 0;
  std::int64_t prompt_rows_ = std::numeric_limits<std::int64_t>::max();
  StepSize last_step_size_;
  std::vector<float> logits_, hidden_;
};

}  // namespace linnet
