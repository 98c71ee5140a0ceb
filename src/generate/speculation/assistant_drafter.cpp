#include "generate/speculation/assistant_drafter.hpp"

#include <algorithm>

#include "generate/sampling/candidates.hpp"
#include "generate/speculation/draft_batches.hpp"
#include "model/blocks/prediction.hpp"

namespace linnet {

Result<std::unique_ptr<Drafter>> AssistantDrafter::load(const ModelFile& file, const Model& target,
                                                        KvStore& kv, Backend& backend) {
  ModelSpec spec = file.spec();
  spec.vocabulary = target.spec().vocabulary;
  read_keys_of(target.spec(), spec);
  WeightLoader loader(file.file(), backend);
  const LayerPlace place{&backend};
  const BatchLimits limits = draft_limits(spec, target.limits());
  // Of the target's tables that of tokens is read; what gives logits is the model's own.
  const SharedTables tables{target.tables_in(backend).tokens, nullptr};
  auto model = Model::load(std::move(spec), loader, {&place, 1}, limits, tables);
  if (!model) return model.error();
  if (Status s = file.file().check_unchanged(); !s) return s.error();
  return std::unique_ptr<Drafter>(
      new AssistantDrafter(file, target, kv, backend, std::move(*model)));
}

AssistantDrafter::AssistantDrafter(const ModelFile& file, const Model& target, KvStore& kv,
                                   Backend& backend, std::unique_ptr<Model> model)
    : file_(file),
      target_(target),
      kv_(kv),
      backend_(backend),
      model_(std::move(model)),
      logits_(backend) {}

// The next guess comes from one of the latest rows: the last one, or one of a guess.
void AssistantDrafter::observe(const EvaluatedRows& rows) {
  const std::int64_t count = std::min(rows.rows, kMostGuesses + 1);
  const std::int64_t skipped = rows.rows - count;
  LatestRows& latest = latest_[rows.sequence];
  latest.first = rows.position + skipped;
  latest.hidden.resize(static_cast<std::size_t>(count * target_.spec().width));
  backend_.download(some_rows(target_.hidden(), rows.first_row + skipped, count),
                    latest.hidden.data());
}

Status AssistantDrafter::propose(std::span<const DraftQuery> queries) {
  std::vector<Guessing> guessing;
  for (const DraftQuery& query : queries) {
    Guessing begun;
    if (std::ssize(guessing) < model_->limits().rows && begin(query, begun)) {
      guessing.push_back(std::move(begun));
    }
  }
  // Each pass gives every sequence a guess, from which the next pass goes on.
  while (!guessing.empty()) {
    rows_.clear();
    std::erase_if(guessing, [this](const Guessing& of) { return !add_row(of); });
    compute(guessing);
  }
  return file_.check_lazy_weights();
}

// False if the state before the last token is not known, or that is none but a row of a medium.
bool AssistantDrafter::begin(const DraftQuery& query, Guessing& guessing) const {
  const auto found = latest_.find(query.sequence);
  const std::int64_t before = std::ssize(query.tokens) - 2;
  if (found == latest_.end() || before < 0 || query.stored->computed != before + 1) return false;
  if (query.tokens.back() >= model_->spec().vocabulary) return false;
  const LatestRows& latest = found->second;
  const std::int64_t width = target_.spec().width;
  const std::int64_t row = before - latest.first;
  if (row < 0 || row >= std::ssize(latest.hidden) / width) return false;
  const auto state = latest.hidden.begin() + row * width;
  guessing = {&query, {state, state + width}};
  return true;
}

// The token that the next guess comes from; false if no more are wanted. Like the model that
// assistants were trained with, all rows see what stands before the text's last token, and turn as
// that one does.
bool AssistantDrafter::add_row(const Guessing& guessing) {
  const DraftQuery& query = *guessing.query;
  if (std::ssize(*query.guesses) >= query.most) return false;
  const auto last = static_cast<std::int32_t>(std::ssize(query.tokens) - 1);
  rows_.add_given({rows_.rows(), 1, guessing.hidden.data()});
  rows_.add_sequence(*query.stored, last - 1, 1);
  rows_.add_row(query.guesses->empty() ? query.tokens.back() : query.guesses->back(),
                /*wants_logits=*/true);
  rows_.place_row({last, last, last});
  return true;
}

void AssistantDrafter::compute(std::span<Guessing> guessing) {
  if (guessing.empty()) return;
  rows_.keep_hidden();
  const View logits = model_->forward(rows_.batch(), kv_);
  logits_.read_likeliest(logits);  // the step that tries the guesses tells of errors
  for (std::size_t i = 0; i < guessing.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    guessing[i].query->guesses->push_back(Candidates(logits_.row(row)).best().id);
    backend_.download(some_rows(model_->hidden(), row, 1), guessing[i].hidden.data());
  }
}

void AssistantDrafter::end(std::uint64_t sequence, std::span<const TokenId> /*tokens*/) {
  latest_.erase(sequence);
}

}  // namespace linnet
