#include "generate/speculation/draft_model.hpp"

#include <algorithm>
#include <utility>

#include "backend/kv_pages.hpp"
#include "generate/sampling/candidates.hpp"

namespace linnet {

Result<std::unique_ptr<Drafter>> DraftModel::load(const ModelFile& file, const ModelSpec& target,
                                                  Backend& backend, const EngineOptions& options,
                                                  std::int64_t kv_tokens) {
  BatchLimits limits = options.limits;
  limits.rows = std::min(limits.rows, std::max<std::int64_t>(kv_tokens, limits.outputs));
  WeightLoader loader(file.file(), backend);
  auto model = Model::load(file.spec(), loader, backend, limits);
  if (!model) return model.error();
  if (Status s = file.file().check_unchanged(); !s) return s.error();
  SequenceMemory memory;
  memory.pages = pages_for(kv_tokens) + 1;
  auto kv = backend.make_kv_store((*model)->kv_shape(options.kv_type, memory.pages));
  if (!kv) return kv.error();
  memory.kv = std::move(*kv);
  const auto vocabulary = std::min(file.spec().vocabulary, target.vocabulary);
  return std::unique_ptr<Drafter>(
      new DraftModel(backend, file, std::move(*model), std::move(memory), vocabulary));
}

DraftModel::DraftModel(Backend& backend, const ModelFile& file, std::unique_ptr<Model> model,
                       SequenceMemory memory, std::int64_t vocabulary)
    : file_(file),
      model_(std::move(model)),
      memory_(std::move(memory)),
      cache_(backend, memory_, /*reuses=*/true),
      vocabulary_(vocabulary),
      logits_(backend) {}

Status DraftModel::propose(std::span<const DraftQuery> queries) {
  std::vector<Guessing> guessing;
  rows_.clear();
  for (const DraftQuery& query : queries) {
    Sequence& sequence = sequences_[query.sequence];
    if (catch_up(query, sequence)) guessing.push_back({&query, &sequence});
  }
  compute(guessing);
  for (const DraftQuery& query : queries) {
    Sequence& sequence = sequences_[query.sequence];
    cache_.advance(sequence.stored, query.tokens, std::exchange(sequence.pending, 0));
  }
  // Each pass gives every sequence a guess, from which the next pass goes on.
  for (;;) {
    rows_.clear();
    std::erase_if(guessing, [this](const Guessing& of) { return !add_guess(of); });
    if (guessing.empty()) return file_.check_lazy_weights();
    compute(guessing);
  }
}

// Evaluates the rows and guesses the likeliest token after each of them whose logits are wanted.
void DraftModel::compute(const std::vector<Guessing>& guessing) {
  if (rows_.rows() == 0) return;
  const View logits = model_->forward(rows_.batch(), cache_.kv());
  logits_.read_likeliest(
      logits.slice(0, vocabulary_));  // the step that tries the guesses tells of errors
  for (std::size_t i = 0; i < guessing.size(); ++i) {
    const LogitRow row = logits_.row(static_cast<std::int64_t>(i));
    guessing[i].query->guesses->push_back(Candidates(row).best().id);
  }
}

// Adds the rows of what came since the last time; true if the logits after it are wanted.
bool DraftModel::catch_up(const DraftQuery& query, Sequence& sequence) {
  StoredSequence& stored = sequence.stored;
  if (!sequences_.start(query.tokens, sequence)) return false;
  const auto behind = query.tokens.subspan(stored.computed);
  if (behind.empty()) return false;  // the last guesses were not even tried
  if (!knows_position(std::ssize(query.tokens) - 1)) return false;
  const auto is_unknown = [&](TokenId id) { return id >= model_->spec().vocabulary; };
  if (std::ranges::any_of(behind, is_unknown)) return false;  // a token that only the model has
  // Guesses that turned out right are computed already.
  const auto right = std::ranges::mismatch(sequence.tried, behind).in1 - sequence.tried.begin();
  cache_.advance(stored, query.tokens, std::min<std::int64_t>(right, std::ssize(behind) - 1));
  sequence.tried.clear();

  const std::int64_t pending = std::ssize(query.tokens) - stored.computed;
  const std::int64_t count = std::min(pending, model_->limits().rows - rows_.rows());
  const bool completes = count == pending && rows_.outputs() < model_->limits().outputs;
  if (count <= 0 || !cache_.reserve(stored, stored.computed + count)) return false;
  rows_.add_sequence(stored, stored.computed, count);
  for (std::int64_t i = 0; i < count; ++i) {
    rows_.add_row(query.tokens[stored.computed + i], completes && i + 1 == count);
  }
  sequence.pending = count;
  return completes;
}

// The engine may take longer texts than were planned for, up to the end of a page.
bool DraftModel::knows_position(std::int64_t position) const {
  const std::int64_t rows = model_->spec().position_rows;
  return rows == 0 || position < rows;
}

// Adds the row of the latest guess; false if no more are wanted or there is no memory for more.
bool DraftModel::add_guess(const Guessing& guessing) {
  const auto& guesses = *guessing.query->guesses;
  Sequence& sequence = *guessing.sequence;
  if (std::ssize(guesses) >= guessing.query->most) return false;
  const std::int64_t position = sequence.stored.computed + std::ssize(sequence.tried);
  if (!knows_position(position) || !cache_.reserve(sequence.stored, position + 1)) return false;
  rows_.add_sequence(sequence.stored, position, 1);
  rows_.add_row(guesses.back(), /*wants_logits=*/true);
  sequence.tried.push_back(guesses.back());
  return true;
}

void DraftModel::end(std::uint64_t sequence, std::span<const TokenId> tokens) {
  sequences_.end(sequence, tokens);
}

}  // namespace linnet
