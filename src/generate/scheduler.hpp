#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/token_id.hpp"
#include "generate/step/sequence_queue.hpp"
#include "generate/step/step_logits.hpp"
#include "generate/step/step_rows.hpp"
#include "model/model.hpp"

namespace linnet {

/// Runs any number of requests side by side: each step is one ragged batch of prompt chunks and
/// single tokens of any number of sequences, the single tokens first, so that texts go on while
/// long prompts come in. Belongs to one thread.
///
/// What a prompt has in common with earlier ones is not computed again (SequenceCache); what it has
/// in common with one that is being computed, it waits for. Of a prompt whose log probabilities are
/// wanted, all is computed, in parts of as many rows as a step has logits for.
///
/// With a drafter, a text takes several rows in a step: its latest token and guesses of those
/// after it. Tokens are drawn from the rows in order, as long as what was drawn is what was
/// guessed, so the text is the very one that would come without guesses.
///
/// Pictures and sounds that a prompt waits for are encoded in parts, one a step, alongside running
/// texts.
/// When the KV cache runs out, the youngest sequence gives its pages
/// to an older one and is computed again later; its output is the
/// same.
class Scheduler {
 public:
  /// The model, its backend and the memory must outlive the scheduler. `drafter` may be null.
  Scheduler(Model& model, Backend& backend, SequenceMemory& memory,
            std::unique_ptr<Drafter> drafter = nullptr);

  /// From now on, pictures and sounds of prompts are encoded by `models`, which must outlive the
  /// scheduler.
  void encode_media_with(MediaModels models) { queue_.encode_media_with(models); }

  /// Queues a request. What the cache already holds of its prompt is not computed again.
  void submit(GenerateRequest request) { queue_.add(std::move(request)); }

  bool idle() const { return queue_.sequences().empty(); }

  /// One forward pass for whoever can go on; then picks tokens and reports what finished, and goes
  /// on with a picture or a sound. An Error if nobody could go on because the KV cache is too small
  /// for the oldest sequence.
  Status step();

  /// Forgets all requests; none of their callbacks is called any more. For when step() failed, or a
  /// callback threw.
  void drop_all();

  /// From now on, a step with running texts takes at most `rows` tokens of prompts, or more if the
  /// model can't read a prompt in parts. 0 would keep prompts waiting until no text runs.
  void limit_prompt_rows(std::int64_t rows) { rows_.limit_prompt_rows(rows); }
  /// The size of the latest step().
  const StepSize& last_step() const { return last_step_size_; }

  SequenceCache& cache() { return queue_.cache(); }
  /// Pages of the KV cache, and those that no sequence holds.
  std::int64_t pages() const { return queue_.cache().pages(); }
  std::int64_t free_pages() const { return queue_.cache().free_pages(); }
  /// How often a sequence had to give up its pages.
  std::int64_t preemptions() const { return queue_.preemptions(); }
  const SpeculationCounts& speculation() const { return speculation_; }

 private:
  void drop_cancelled();
  Status compute();
  bool encode_medium();
  void tell_drafter(const StepPart& part);
  void state_needs(const StepPart& part);
  std::int64_t take_results(const StepPart& part, std::int64_t first_output);
  Status score(const StepPart& part, std::int64_t first_output);
  void draw(const StepPart& part, std::span<const TokenId> guesses, std::int64_t first_output);
  Status redo_accepted();
  Status give_hidden(const StepPart& part);

  Model& model_;
  Backend& backend_;
  SequenceQueue queue_;
  StepSize last_step_size_;
  SpeculationCounts speculation_;

  // For the step under way; members so that they keep their memory.
  StepRows rows_;
  StepLogits logits_;
  std::vector<float> hidden_;
  struct Accepted {
    Sequence* sequence;
    RedoneRows rows;
  };
  std::vector<RedoneRows> redone_;
  std::vector<Accepted> accepted_;  // of those whose other guesses were wrong, and have states
};

}  // namespace linnet
