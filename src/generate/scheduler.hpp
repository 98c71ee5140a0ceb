#pragma once

#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "generate/batch_rows.hpp"
#include "generate/cache/sequence_cache.hpp"
#include "generate/generate_request.hpp"
#include "generate/picture_encoder.hpp"
#include "generate/prompt_pictures.hpp"
#include "generate/sampling/sampler_chain.hpp"
#include "generate/speculation/draft_length.hpp"
#include "generate/speculation/drafter.hpp"
#include "generate/step_logits.hpp"
#include "model/model.hpp"

namespace linnet {

/// What a step computed: rows of running texts (a token each, and guesses), rows of prompts, and
/// whether a part of a picture.
struct StepSize {
  std::int64_t texts = 0;
  std::int64_t prompt_rows = 0;
  bool encodes_picture = false;
};

/// Runs any number of requests side by side: each step is one ragged batch of prompt chunks and
/// single tokens of any number of sequences, the single tokens first, so that texts go on while
/// long prompts come in. Belongs to one thread.
///
/// What a prompt has in common with earlier ones is not computed again (SequenceCache); what it has
/// in common with one that is being computed, it waits for.
///
/// With a drafter, a text takes several rows in a step: its latest token and guesses of those
/// behind it. Tokens are drawn from the rows in order, as long as what was drawn is what was
/// guessed, so the text is the very one that would come without guesses.
///
/// Pictures that a prompt waits for are encoded in parts, one a step, beside the texts that run.
///
/// Where the KV cache runs out, the youngest sequence gives its pages to an older one and is
/// computed again later; its output is the same.
class Scheduler {
 public:
  /// The model, its backend and the memory must outlive the scheduler. `drafter` may be null.
  Scheduler(Model& model, Backend& backend, SequenceMemory& memory,
            std::unique_ptr<Drafter> drafter = nullptr);

  /// From now on, pictures of prompts are encoded by `vision`, which must outlive the scheduler.
  void encode_pictures_with(VisionModel& vision) { encoder_.emplace(vision); }

  /// Queues a request. What the cache already holds of its prompt is not computed again.
  void submit(GenerateRequest request);

  bool idle() const { return sequences_.empty(); }

  /// One forward pass for whoever can go on; then picks tokens and reports what finished, and goes
  /// on with a picture. An Error if nobody could go on because the KV cache is too small for the
  /// oldest sequence.
  Status step();

  /// Forgets all requests; none of their callbacks is called any more. For when step() failed, or a
  /// callback threw.
  void drop_all();

  /// From now on, a step with running texts takes at most `rows` tokens of prompts, or more where
  /// the model can't read a prompt in parts. 0 would keep prompts waiting until no text runs.
  void limit_prompt_rows(std::int64_t rows) { prompt_rows_ = rows; }
  /// Of the latest step().
  const StepSize& last_step() const { return last_step_size_; }

  SequenceCache& cache() { return cache_; }
  /// Pages of the KV cache, and those that no sequence holds.
  std::int64_t pages() const { return cache_.pages(); }
  std::int64_t free_pages() const { return cache_.free_pages(); }
  /// How often a sequence had to give its pages away.
  std::int64_t preemptions() const { return preemptions_; }
  const SpeculationCounts& speculation() const { return speculation_; }

 private:
  struct Sequence {
    Sequence(GenerateRequest request, std::uint64_t id);

    std::int64_t pending() const { return std::ssize(tokens) - stored.computed; }
    /// Its latest tokens are all that is to be computed, not a prompt.
    bool is_generating() const;

    GenerateRequest request;
    std::uint64_t id;
    SamplerChain chain;
    /// What samplers see: without the ids of pictures.
    std::span<const std::int32_t> text() const { return pictures.empty() ? tokens : text_tokens; }
    void add_token(std::int32_t token);

    std::vector<std::int32_t> tokens;  // prompt and output
    PromptPictures pictures;
    std::vector<std::int32_t> text_tokens;  // where there are pictures
    std::int64_t input_tokens = 0;          // the prompt's, where the model has an input
    StoredSequence stored;
    std::int64_t drawn = 0;
    bool started = false;
    std::int64_t refused_after = -1;  // so many releases there was no memory to start with
    std::int64_t last_step = 0;       // in which it had rows
    DraftLength draft_length;
    std::vector<std::int32_t> guesses;  // that are verified in this step
  };
  using Iterator = std::list<Sequence>::iterator;

  // The part of a sequence in the rows of a step.
  struct Part {
    Iterator sequence;
    std::int64_t first_row;
    std::int64_t rows;  // without guesses
    bool draws;         // its last tokens are there: the logits behind them are wanted
  };

  void drop_cancelled();
  Status collect();
  Status compute();
  bool encode_picture();
  Status propose_guesses();
  bool start(Sequence& sequence);
  bool waits_for_older(const Sequence& sequence);
  void collect_from(Iterator sequence, std::int64_t most_rows);
  std::int64_t rows_that_fit(Sequence& sequence, std::int64_t wanted, std::int64_t room) const;
  void add_rows(Sequence& sequence, std::int64_t count, bool draws);
  void fit_guesses(Sequence& sequence, std::int64_t rows, bool draws);
  bool reserve_pages(Iterator sequence, std::int64_t tokens);
  bool preempt_younger_than(Iterator sequence);
  void release(Sequence& sequence);
  void state_needs(const Part& part);
  std::int64_t take_results(const Part& part, std::int64_t first_output);
  Status give_hidden(const Part& part);
  static Result<FinishReason> ending_without_token(const Sequence& sequence, const LogitRow& row);
  bool draw(Iterator sequence, const LogitRow& row);
  void finish(Iterator sequence, const Result<FinishReason>& ending);

  Model& model_;
  Backend& backend_;
  SequenceCache cache_;
  std::unique_ptr<Drafter> drafter_;
  std::optional<PictureEncoder> encoder_;
  std::list<Sequence> sequences_;  // the oldest first
  std::uint64_t next_id_ = 0;
  std::int64_t step_ = 0;
  std::int64_t releases_ = 0;  // of sequences' memory
  std::int64_t preemptions_ = 0;
  std::int64_t prompt_rows_ = std::numeric_limits<std::int64_t>::max();
  StepSize last_step_size_;
  SpeculationCounts speculation_;

  // Of the step that is under way; members so that they keep their memory.
  BatchRows rows_;
  std::vector<Part> parts_;
  std::vector<DraftQuery> queries_;
  StepLogits logits_;
  std::vector<float> hidden_;
};

}  // namespace linnet
