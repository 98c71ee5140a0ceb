#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "generate/step/batch_rows.hpp"
#include "generate/step/sequence_queue.hpp"

namespace linnet {

/// What a step computes: rows of running texts (a token each, and guesses), rows of prompts, and
/// whether a part of a picture.
struct StepSize {
  std::int64_t texts = 0;
  std::int64_t prompt_rows = 0;
  bool encodes_medium = false;
};

/// The part of a sequence in the rows of a step.
struct StepPart {
  Sequences::iterator sequence;
  std::int64_t first_row;
  std::int64_t rows;    ///< without guesses
  std::int64_t scores;  ///< of them, whose logits tell of the prompt's next tokens
  bool draws;           ///< its last tokens are there: the logits after them are wanted
};

/// Chooses the rows of a step: running texts first, so that they go on while long prompts come in.
class StepRows {
 public:
  /// Both must outlive this.
  StepRows(const Model& model, SequenceQueue& queue) : model_(model), queue_(queue) {}

  /// See Scheduler::limit_prompt_rows.
  void limit_prompt_rows(std::int64_t rows) { prompt_rows_ = rows; }

  /// Chooses anew. Sequences that there is memory for are started; if it runs out, some lose it.
  Status choose();
  /// Nothing is chosen.
  void clear();

  const std::vector<StepPart>& parts() const { return parts_; }
  StepSize size() const { return {text_rows_, rows_.rows() - text_rows_}; }
  /// Holds until the next choose().
  Batch batch() { return rows_.batch(); }

 private:
  Status propose_guesses();
  std::int64_t most_rows() const;
  void collect_texts();
  void collect_prompts(std::int64_t most_rows);
  void collect_from(Sequences::iterator it, std::int64_t most_rows);
  std::int64_t rows_wanted(const Sequence& sequence) const;
  std::int64_t room_for(const Sequence& sequence, std::int64_t most_rows) const;
  std::int64_t rows_that_fit(const Sequence& sequence, std::int64_t wanted,
                             std::int64_t room) const;
  void fit_guesses(Sequence& sequence, std::int64_t rows, bool draws);
  void add_rows(const StepPart& part);

  const Model& model_;
  SequenceQueue& queue_;
  std::int64_t prompt_rows_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t text_rows_ = 0;

  // Members so that they keep their memory.
  BatchRows rows_;
  std::vector<StepPart> parts_;
  std::vector<DraftQuery> queries_;
};

}  // namespace linnet
