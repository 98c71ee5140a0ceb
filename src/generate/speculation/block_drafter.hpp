#pragma once

#include <memory>
#include <vector>

#include "base/token_id.hpp"
#include "generate/loading/model_file.hpp"
#include "generate/speculation/drafted_sequences.hpp"
#include "generate/speculation/drafter.hpp"
#include "generate/step/batch_rows.hpp"
#include "generate/step/step_logits.hpp"

namespace linnet {

/// Guesses with a small model that guesses a block of tokens at once, after keys and values that
/// it makes of what layers of its target give (PredictionSpec::Kind::kBlock, DFlash:
/// https://arxiv.org/abs/2602.06036). It guesses greedily, all sequences side by side, and must see
/// all rows of the model; those that were not seen (their keys came from a session) count as
/// nothing. The keys and values are its own.
class BlockDrafter final : public Drafter {
 public:
  /// Loads `file` (open_draft), in the same backend as `target`, whose kept layers are the file's
  /// target layers; both must outlive this. It has room for `kv_tokens` tokens.
  static Result<std::unique_ptr<Drafter>> load(const ModelFile& file, const Model& target,
                                               Backend& backend, const EngineOptions& options,
                                               std::int64_t kv_tokens);

  bool reads_hidden() const override { return true; }
  void observe(const EvaluatedRows& rows) override;
  /// Fails if its file has changed (see ModelFile::check_lazy_weights).
  Status propose(std::span<const DraftQuery> queries) override;
  void read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  struct Sequence : DraftedSequence {
    std::int64_t read = 0;  // rows that have keys, some of them perhaps of wrong guesses
  };
  // A query whose block is being computed.
  struct Guessing {
    const DraftQuery* query;
    std::int64_t most;
  };

  BlockDrafter(const ModelFile& file, const Model& target, std::unique_ptr<Model> model,
               SequenceMemory memory, Backend& backend);

  const PredictionSpec& spec() const { return model_->spec().prediction; }
  void read_rows(const EvaluatedRows& rows, std::int64_t first, std::int64_t end,
                 Sequence& sequence);
  void advance(std::span<const TokenId> tokens, std::int64_t end, Sequence& sequence);
  bool add_block(const DraftQuery& query, std::int64_t most);
  void guess(std::span<const Guessing> guessing);
  void guess_in_chain(const Guessing& guessing, View logits);
  TokenId likeliest(std::int64_t row);

  const ModelFile& file_;
  const Model& target_;
  std::unique_ptr<Model> model_;
  SequenceMemory memory_;
  SequenceCache cache_;
  DraftedSequences<Sequence> sequences_{cache_};
  BatchRows rows_;
  StepLogits logits_;
};

}  // namespace linnet
