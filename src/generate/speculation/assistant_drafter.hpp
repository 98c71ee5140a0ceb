#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/token_id.hpp"
#include "generate/loading/model_file.hpp"
#include "generate/speculation/drafter.hpp"
#include "generate/step/batch_rows.hpp"
#include "generate/step/step_logits.hpp"

namespace linnet {

/// Guesses with a small model that attends to the keys and values of the model that it was trained
/// for (PredictionSpec::Kind::kReadsKeys, Gemma 4's assistants), greedily, all sequences side by
/// side. It keeps nothing of a text, so that it need not read it: a guess costs its few layers.
class AssistantDrafter final : public Drafter {
 public:
  /// Loads `file` (open_draft), in the same backend as `target`, which keeps its keys and values in
  /// `kv`. All of these must outlive this.
  static Result<std::unique_ptr<Drafter>> load(const ModelFile& file, const Model& target,
                                               KvStore& kv, Backend& backend);

  bool reads_hidden() const override { return true; }
  void observe(const EvaluatedRows& rows) override;
  /// Fails if its file has changed (see ModelFile::check_lazy_weights).
  Status propose(std::span<const DraftQuery> queries) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  // What the target made of its latest rows.
  struct LatestRows {
    std::int64_t first = 0;  // position
    std::vector<float> hidden;
  };
  // A query whose guesses are under way.
  struct Guessing {
    const DraftQuery* query;
    std::vector<float> hidden;  // before the next guess
  };

  AssistantDrafter(const ModelFile& file, const Model& target, KvStore& kv, Backend& backend,
                   std::unique_ptr<Model> model);

  bool begin(const DraftQuery& query, Guessing& guessing) const;
  bool add_row(const Guessing& guessing);
  void compute(std::span<Guessing> guessing);

  const ModelFile& file_;
  const Model& target_;
  KvStore& kv_;
  Backend& backend_;
  std::unique_ptr<Model> model_;
  std::unordered_map<std::uint64_t, LatestRows> latest_;
  BatchRows rows_;
  StepLogits logits_;
};

}  // namespace linnet
