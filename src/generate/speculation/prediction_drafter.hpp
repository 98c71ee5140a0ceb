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

/// Guesses with a layer that reads hidden states of the model: that for multi-token prediction
/// (https://arxiv.org/abs/2412.19437, section 2.2), or one that was trained for the model (EAGLE-3,
/// https://arxiv.org/abs/2503.01840). Of several layers for multi-token prediction each gives one
/// guess, of its own and those before it. It guesses greedily, all sequences side by side, and must
/// see all rows of the model; if some were not seen (their keys came from a session), guesses
/// are poorer. It keeps keys and values of its own.
class PredictionDrafter final : public Drafter {
 public:
  /// Loads what `spec` describes from `file`, to where the results of `target` are, in `backend`;
  /// all of these must outlive this. It has room for `kv_tokens` tokens.
  static Result<std::unique_ptr<Drafter>> load(const ModelFile& file, ModelSpec spec,
                                               const Model& target, Backend& backend,
                                               const EngineOptions& options,
                                               std::int64_t kv_tokens);

  bool reads_hidden() const override { return true; }
  void observe(const EvaluatedRows& rows) override;
  /// Fails if its file has changed (see ModelFile::check_lazy_weights).
  Status propose(std::span<const DraftQuery> queries) override;
  void read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  struct Sequence : DraftedSequence {
    std::int64_t first_hidden = 0;  // position of the first of
    std::vector<float> hidden;      // what is still to be read of the model's states
    std::vector<float> guessed;     // the layer's own, after each guess
  };
  // What the layers read of a text.
  struct Text {
    std::span<const TokenId> tokens;
    const PromptMedia* media;
  };
  // A query whose guesses are under way.
  struct Guessing {
    const DraftQuery* query;
    Sequence* sequence;
    std::int64_t unread;  // rows of the text, from which its first guess comes
    std::int64_t rows;    // of it in this pass
    bool goes_on = true;  // it gets a guess of this pass
  };

  PredictionDrafter(const ModelFile& file, const Model& target, Backend& backend,
                    std::vector<std::unique_ptr<Model>> layers, SequenceMemory memory);

  const ModelSpec& spec() const { return layers_.front()->spec(); }
  const BatchLimits& limits() const { return layers_.front()->limits(); }
  View forward(std::size_t layer);
  std::span<const TokenId> read_tokens(std::span<const TokenId> tokens) const;
  Text text_of(const auto& of) const { return {read_tokens(of.tokens), of.media}; }
  std::int64_t waiting_rows() const;
  std::int64_t readable_rows(const Sequence& sequence) const;
  void read_hidden(const EvaluatedRows& rows, float* out);
  void keep_hidden(const EvaluatedRows& rows, Sequence& sequence);
  void drop_read(Sequence& sequence) const;
  void add_row(const Text& text, std::int64_t row, TokenId token, bool wants_logits);
  void add_text(const Text& text, std::int64_t end, bool wants_logits, const Sequence& sequence);
  void begin_rows(const DraftQuery& query, const Sequence& sequence, std::int64_t position,
                  std::int64_t count);
  void add_guesses(const Guessing& guessing, std::int64_t first);
  void read_until(const Text& text, std::int64_t end, Sequence& sequence);
  void read_waiting(const DraftQuery& query);
  void add_latest(const DraftQuery& query, std::vector<Guessing>& guessing);
  bool gets_more(const Guessing& guessing);
  void chain(std::vector<Guessing>& guessing, std::size_t layer);
  void go_on(std::vector<Guessing>& guessing);
  void compute(std::span<const Guessing> guessing, std::size_t layer);

  const ModelFile& file_;
  const Model& target_;
  Backend& backend_;
  std::vector<std::unique_ptr<Model>> layers_;
  // Row i of a text is its token i + skipped_, and reads the hidden state i + skipped_ - 1.
  std::int64_t skipped_;
  SequenceMemory memory_;  // its KvStore has a part for each layer
  SequenceCache cache_;
  DraftedSequences<Sequence> sequences_{cache_};
  BatchRows rows_;
  StepLogits logits_;
};

}  // namespace linnet
