#pragma once

#include <memory>
#include <string>

#include "base/token_id.hpp"
#include "generate/loading/model_file.hpp"
#include "generate/speculation/drafted_sequences.hpp"
#include "generate/speculation/drafter.hpp"
#include "generate/step/batch_rows.hpp"
#include "generate/step/step_logits.hpp"

namespace linnet {

/// Guesses with a smaller model of the same vocabulary, greedily, all sequences side by side
/// (https://arxiv.org/abs/2211.17192). It keeps keys and values of its own.
class DraftModel final : public Drafter {
 public:
  /// Loads `file` (open_draft) into `backend`, with room for `kv_tokens` tokens, which is as long
  /// as a text may be. Both must outlive this.
  static Result<std::unique_ptr<Drafter>> load(const ModelFile& file, const ModelSpec& target,
                                               Backend& backend, const EngineOptions& options,
                                               std::int64_t kv_tokens);

  /// Fails if its file has changed (see ModelFile::check_lazy_weights).
  Status propose(std::span<const DraftQuery> queries) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  struct Sequence : DraftedSequence {
    std::vector<TokenId> tried;  // guesses that were computed after it
    std::int64_t pending = 0;    // tokens that are being computed
  };
  // A query whose guesses are under way.
  struct Guessing {
    const DraftQuery* query;
    Sequence* sequence;
  };

  DraftModel(Backend& backend, const ModelFile& file, std::unique_ptr<Model> model,
             SequenceMemory memory, std::int64_t vocabulary);

  bool catch_up(const DraftQuery& query, Sequence& sequence);
  bool add_guess(const Guessing& guessing);
  bool knows_position(std::int64_t position) const;
  void compute(const std::vector<Guessing>& guessing);

  const ModelFile& file_;
  std::unique_ptr<Model> model_;
  SequenceMemory memory_;
  SequenceCache cache_;
  std::int64_t vocabulary_;  // that both models have
  DraftedSequences<Sequence> sequences_{cache_};
  BatchRows rows_;
  StepLogits logits_;
};

}  // namespace linnet
