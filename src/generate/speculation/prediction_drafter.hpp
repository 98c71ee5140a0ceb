#pragma once

#include <memory>

#include "base/token_id.hpp"
#include "generate/loading/model_file.hpp"
#include "generate/speculation/drafted_sequences.hpp"
#include "generate/speculation/drafter.hpp"
#include "generate/step/batch_rows.hpp"
#include "generate/step/step_logits.hpp"

namespace linnet {

/// Guesses with the layer for multi-token prediction that the model's file has
/// (https://arxiv.org/abs/2412.19437, section 2.2), greedily, all sequences side by side. The layer
/// reads the hidden states that the model has made, so it must see all of its rows; where some were
/// not seen (their keys came from a session), guesses are poorer. It keeps keys and values of its
/// own.
class PredictionDrafter final : public Drafter {
 public:
  /// Loads the layer that `spec` describes from `file`, beside the results of `model` in `backend`;
  /// all of these must outlive this. It has room for `kv_tokens` tokens.
  static Result<std::unique_ptr<Drafter>> load(const ModelFile& file, const ModelSpec& spec,
                                               const Model& model, Backend& backend,
                                               const EngineOptions& options,
                                               std::int64_t kv_tokens);

  bool reads_hidden() const override { return true; }
  void observe(const EvaluatedRows& rows) override;
  Status propose(std::span<const DraftQuery> queries) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  struct Sequence : DraftedSequence {
    std::int64_t first_hidden = 0;  // position of the first of
    std::vector<float> hidden;      // the model's hidden states that are still to be read
    std::vector<float> guessed;     // the layer's own, behind the latest guess
  };
  // A query whose guesses are under way.
  struct Guessing {
    const DraftQuery* query;
    Sequence* sequence;
    std::int64_t rows;  // of it in this pass
  };

  PredictionDrafter(Backend& backend, std::unique_ptr<Model> layer, SequenceMemory memory);

  std::int64_t waiting_rows() const;
  void keep_hidden(const EvaluatedRows& rows, Sequence& sequence);
  void drop_read(Sequence& sequence) const;
  bool add_rows(std::span<const TokenId> tokens, std::int64_t count, bool wants_logits,
                Sequence& sequence);
  void read_until(std::span<const TokenId> tokens, std::int64_t end, Sequence& sequence);
  void add_latest(const DraftQuery& query, std::vector<Guessing>& guessing);
  bool add_guess(Guessing& guessing);
  void compute(std::span<const Guessing> guessing);

  Backend& backend_;
  std::unique_ptr<Model> layer_;
  SequenceMemory memory_;
  SequenceCache cache_;
  DraftedSequences<Sequence> sequences_{cache_};
  BatchRows rows_;
  StepLogits logits_;
};

}  // namespace linnet
