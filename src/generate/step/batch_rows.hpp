#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token_id.hpp"
#include "generate/cache/sequence_cache.hpp"
#include "generate/media/prompt_media.hpp"
#include "model/model.hpp"

namespace linnet {

/// The rows of one forward pass while they are put together, sequence after sequence.
class BatchRows {
 public:
  void clear();

  /// Begins the rows of a sequence, `count` of them from `position` on. `stored` has pages for them
  /// and keeps them until the pass is over. Its first `input_tokens` are the model's input.
  void add_sequence(const StoredSequence& stored, std::int64_t position, std::int64_t count,
                    std::int64_t input_tokens = 0);
  /// How much of each adapter of the model is added to the rows of the latest sequence, which keeps
  /// them until the pass is over.
  void adapt(std::span<const float> strengths) { strengths_ = strengths; }
  /// Adds the next row of the latest sequence; `wants_logits`: its logits are computed.
  void add_row(TokenId token, bool wants_logits);

  /// Adds given rows (see GivenRows) after those added so far.
  void add_given(const GivenRows& given) { given_.push_back(given); }
  /// M-RoPE position id of the latest row, by default its position.
  void place_row(const Place& place);
  /// The same for token `token` of a sequence with `media`.
  void place_row(const PromptMedia& media, std::int64_t token) {
    if (media.has_places()) place_row(media.place(token));
  }

  /// The next `count` rows are of one sequence, and on trial: see Batch::trials.
  void put_on_trial(std::int64_t count) {
    trials_.push_back({rows(), count});
    trial_rows_ += count;
  }
  std::int64_t trial_rows() const { return trial_rows_; }

  /// Model::hidden() is wanted of this pass.
  void keep_hidden() { keeps_hidden_ = true; }

  std::int64_t rows() const { return std::ssize(tokens_); }
  std::int64_t outputs() const { return std::ssize(outputs_); }
  /// Holds until rows are added.
  Batch batch();

 private:
  std::vector<TokenId> tokens_;
  std::vector<std::int32_t> positions_, sequences_, outputs_;
  std::vector<std::int32_t> lengths_, inputs_, states_;  // of each sequence
  std::vector<std::span<const std::int32_t>> page_tables_;
  std::int32_t next_position_ = 0;
  std::span<const float> strengths_;      // of the latest sequence
  std::vector<float> adapter_strengths_;  // of all rows
  std::vector<GivenRows> given_;
  std::vector<TrialRows> trials_;
  std::int64_t trial_rows_ = 0;  // in all of them
  struct PlacedRow {
    std::size_t row;
    Place place;
  };
  std::vector<PlacedRow> placed_rows_;  // the others' places are their positions
  std::vector<std::int32_t> places_;    // of all rows; none if all are positions
  bool keeps_hidden_ = false;
};

}  // namespace linnet
