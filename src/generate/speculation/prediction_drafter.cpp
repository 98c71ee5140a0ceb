#include "generate/speculation/prediction_drafter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "generate/sampling/candidates.hpp"
#include "model/blocks/prediction.hpp"

namespace linnet {
namespace {

// So many rows of a text may wait for the next guesses, with which they are read.
constexpr std::int64_t kWaitingRows = 32;

// More than that at once only help prompts.
constexpr std::int64_t kMostRows = 512;

// Those that the layer may share with its target.
SharedTables shared_tables(const ModelSpec& spec, const Model& target, const Backend& backend) {
  SharedTables tables = target.tables_in(backend);
  const auto fits = [&](const Matrix& table, std::int64_t rows) {
    return table.columns() == spec.width && table.rows() == rows;
  };
  if (tables.tokens && !fits(*tables.tokens, spec.vocabulary)) tables.tokens.reset();
  if (tables.output && !fits(*tables.output, spec.logit_columns())) tables.output.reset();
  return tables;
}

}  // namespace

Result<std::unique_ptr<Drafter>> PredictionDrafter::load(const ModelFile& file, ModelSpec spec,
                                                         const Model& target, Backend& backend,
                                                         const EngineOptions& options,
                                                         std::int64_t kv_tokens) {
  WeightLoader loader(file.file(), backend);
  if (spec.prediction.kind == PredictionSpec::Kind::kJoined) loader.load_part();
  const LayerPlace place{&backend};
  BatchLimits limits = target.limits();
  limits.rows = std::min(limits.rows, kMostRows);
  spec.vocabulary = target.spec().vocabulary;
  const SharedTables tables = shared_tables(spec, target, backend);
  if (spec.prediction.kind == PredictionSpec::Kind::kBeside && !tables.output &&
      !loader.has(own_output_tensor(spec) + ".weight")) {
    return Error{
        fmt::format("{}: has no projection to the logits of its own, and the model's can't be "
                    "shared: it has other columns, or an adapter",
                    file.file().path().string())};
  }
  auto layer = Model::load(std::move(spec), loader, {&place, 1}, limits, tables);
  if (!layer) return layer.error();
  if (Status s = file.file().check_unchanged(); !s) return s.error();
  SequenceMemory memory;
  memory.pages = pages_for(kv_tokens) + 1;
  auto kv = (*layer)->make_kv_store(options.kv_type, memory.pages);
  if (!kv) return kv.error();
  memory.kv = std::move(*kv);
  return std::unique_ptr<Drafter>(
      new PredictionDrafter(file, target, backend, std::move(*layer), std::move(memory)));
}

std::int64_t PredictionDrafter::waiting_rows() const {
  return std::min(kWaitingRows, layer_->limits().rows);
}

PredictionDrafter::PredictionDrafter(const ModelFile& file, const Model& target, Backend& backend,
                                     std::unique_ptr<Model> layer, SequenceMemory memory)
    : file_(file),
      target_(target),
      backend_(backend),
      layer_(std::move(layer)),
      skipped_(layer_->spec().prediction.kind == PredictionSpec::Kind::kBeside ? 1 : 0),
      memory_(std::move(memory)),
      cache_(backend, memory_, /*reuses=*/true),
      logits_(backend) {}

// Nothing comes before the first one, so that EAGLE-3 was not trained to read it.
std::span<const TokenId> PredictionDrafter::read_tokens(std::span<const TokenId> tokens) const {
  return tokens.subspan(static_cast<std::size_t>(std::min(skipped_, std::ssize(tokens))));
}

TokenId PredictionDrafter::token_of(std::int64_t column) const {
  const auto& tokens = layer_->spec().prediction.tokens;
  return tokens.empty() ? static_cast<TokenId>(column) : tokens[static_cast<std::size_t>(column)];
}

void PredictionDrafter::observe(const EvaluatedRows& rows) {
  const Text text = text_of(rows);
  Sequence& sequence = sequences_[rows.sequence];
  const bool begins = !text.tokens.empty();
  if (begins && !sequences_.start(text.tokens, sequence)) return;
  keep_hidden(rows, sequence);
  if (!begins) return;
  drop_read(sequence);
  // The last token is left to the guess that comes from it.
  const std::int64_t end = std::min(std::ssize(text.tokens) - 1, readable_rows(sequence));
  if (end - sequence.stored.computed > waiting_rows()) read_until(text, end, sequence);
}

// Rows whose states are known.
std::int64_t PredictionDrafter::readable_rows(const Sequence& sequence) const {
  const std::int64_t known = std::ssize(sequence.hidden) / layer_->spec().width;
  return sequence.first_hidden + known + 1 - skipped_;
}

// What the layer reads of the target's states, [rows, width].
void PredictionDrafter::read_hidden(const EvaluatedRows& rows, float* out) {
  const PredictionSpec& spec = layer_->spec().prediction;
  if (spec.kind == PredictionSpec::Kind::kJoined) {
    const View states = spec.target_layers.empty() ? target_.hidden() : target_.kept(0);
    return backend_.download(some_rows(states, rows.first_row, rows.rows), out);
  }
  const std::size_t layers = spec.target_layers.size();
  std::vector<View> results(layers);
  for (std::int64_t first = 0; first < rows.rows; first += layer_->limits().rows) {
    const std::int64_t count = std::min(rows.rows - first, layer_->limits().rows);
    for (std::size_t i = 0; i < layers; ++i) {
      results[i] = some_rows(target_.kept(i), rows.first_row + first, count);
    }
    backend_.download(layer_->fuse(results), out + first * layer_->spec().width);
  }
}

// Those of guesses that were wrong, or of a sequence that is computed once more, come again.
void PredictionDrafter::keep_hidden(const EvaluatedRows& rows, Sequence& sequence) {
  const std::int64_t width = layer_->spec().width;
  const std::int64_t known = std::ssize(sequence.hidden) / width;
  const std::int64_t kept = rows.position - sequence.first_hidden;
  if (kept < 0 || kept > known) {
    sequence.first_hidden = rows.position;
    sequence.hidden.clear();
  } else {
    sequence.hidden.resize(static_cast<std::size_t>(kept * width));
  }
  const std::size_t old = sequence.hidden.size();
  sequence.hidden.resize(old + static_cast<std::size_t>(rows.rows * width));
  read_hidden(rows, sequence.hidden.data() + old);
}

// Forgets the hidden states before the one that the next row reads.
void PredictionDrafter::drop_read(Sequence& sequence) const {
  const std::int64_t width = layer_->spec().width;
  const std::int64_t known = std::ssize(sequence.hidden) / width;
  const std::int64_t next = sequence.stored.computed + skipped_ - 1;
  const std::int64_t read = std::clamp<std::int64_t>(next - sequence.first_hidden, 0, known);
  sequence.hidden.erase(sequence.hidden.begin(), sequence.hidden.begin() + read * width);
  sequence.first_hidden += read;
}

// Rows of pictures and sounds count as some token: what the model has made of them says more.
void PredictionDrafter::add_row(const Text& text, std::int64_t row, TokenId token,
                                bool wants_logits) {
  rows_.add_row(token < layer_->spec().vocabulary ? token : 0, wants_logits);
  if (text.media) rows_.place_row(*text.media, row + skipped_);
}

// Adds the next `count` rows of a sequence; false if there is no memory for them.
bool PredictionDrafter::add_rows(const Text& text, std::int64_t count, bool wants_logits,
                                 Sequence& sequence) {
  StoredSequence& stored = sequence.stored;
  const std::int64_t first = stored.computed, end = first + count;
  if (!cache_.reserve(stored, end)) return false;
  const std::int64_t width = layer_->spec().width;
  const std::int64_t known = std::ssize(sequence.hidden) / width;
  const std::int64_t reader = sequence.first_hidden + 1 - skipped_;  // of the first that is known
  const std::int64_t from = std::clamp(reader, first, end);
  const std::int64_t to = std::clamp(reader + known, from, end);
  if (from < to) {
    rows_.add_given(
        {rows_.rows() + from - first, to - from, sequence.hidden.data() + (from - reader) * width});
  }
  rows_.add_sequence(stored, first, count);
  for (std::int64_t i = first; i < end; ++i) {
    add_row(text, i, text.tokens[i], wants_logits && i + 1 == end);
  }
  return true;
}

// Reads rows of which nothing is guessed, up to `end`.
void PredictionDrafter::read_until(const Text& text, std::int64_t end, Sequence& sequence) {
  while (sequence.stored.computed < end) {
    const std::int64_t count = std::min(end - sequence.stored.computed, layer_->limits().rows);
    rows_.clear();
    if (!add_rows(text, count, /*wants_logits=*/false, sequence)) return sequence.hidden.clear();
    layer_->forward(rows_.batch(), cache_.kv());
    cache_.advance(sequence.stored, text.tokens, count);
    drop_read(sequence);
  }
}

Status PredictionDrafter::propose(std::span<const DraftQuery> queries) {
  for (const DraftQuery& query : queries) read_waiting(query);
  std::vector<Guessing> guessing;
  rows_.clear();
  for (const DraftQuery& query : queries) add_latest(query, guessing);
  compute(guessing);
  for (const Guessing& of : guessing) {
    cache_.advance(of.sequence->stored, read_tokens(of.query->tokens), of.rows);
    drop_read(*of.sequence);
  }
  // Each pass gives every sequence a guess, from which the next pass goes on.
  while (!guessing.empty()) {
    rows_.clear();
    std::erase_if(guessing, [this](Guessing& of) { return !add_guess(of); });
    compute(guessing);
  }
  return file_.check_lazy_weights();
}

// Reads what is more than a batch should have beside guesses.
void PredictionDrafter::read_waiting(const DraftQuery& query) {
  const Text text = text_of(query);
  if (Sequence* const sequence = sequences_.find_started(query.sequence)) {
    read_until(text, std::ssize(text.tokens) - waiting_rows(), *sequence);
  }
}

// Adds the rows of a text that were not read yet, from the last of which its first guess comes.
void PredictionDrafter::add_latest(const DraftQuery& query, std::vector<Guessing>& guessing) {
  Sequence* const sequence = sequences_.find_started(query.sequence);
  if (!sequence) return;
  const Text text = text_of(query);
  const std::int64_t count = std::ssize(text.tokens) - sequence->stored.computed;
  const BatchLimits& limits = layer_->limits();
  const bool has_room = rows_.rows() + count <= limits.rows && rows_.outputs() < limits.outputs;
  if (count < 1 || !has_room) return;
  if (!add_rows(text, count, /*wants_logits=*/true, *sequence)) return;
  guessing.push_back({&query, sequence, count});
}

// Adds the row of the latest guess; false if no more are wanted or there is no memory for more.
bool PredictionDrafter::add_guess(Guessing& guessing) {
  const auto& guesses = *guessing.query->guesses;
  Sequence& sequence = *guessing.sequence;
  if (std::ssize(guesses) >= guessing.query->most) return false;
  const std::int64_t position = sequence.stored.computed + std::ssize(guesses) - 1;
  if (!cache_.reserve(sequence.stored, position + 1)) return false;
  rows_.add_given({rows_.rows(), 1, sequence.guessed.data()});
  rows_.add_sequence(sequence.stored, position, 1);
  add_row(text_of(*guessing.query), position, guesses.back(), /*wants_logits=*/true);
  guessing.rows = 1;
  return true;
}

// Evaluates the rows; the last one of each sequence gives it a guess.
void PredictionDrafter::compute(std::span<const Guessing> guessing) {
  if (rows_.rows() == 0) return;
  rows_.keep_hidden();
  const View logits = layer_->forward(rows_.batch(), cache_.kv());
  logits_.clear();
  LogitNeeds likeliest;
  likeliest.all = !logits_.picks();
  for (std::size_t i = 0; i < guessing.size(); ++i) logits_.add_row(likeliest);
  logits_.read(logits);  // the step that tries the guesses tells of errors
  std::int64_t end = 0;
  for (std::size_t i = 0; i < guessing.size(); ++i) {
    const Guessing& of = guessing[i];
    const LogitRow row = logits_.row(static_cast<std::int64_t>(i));
    of.query->guesses->push_back(token_of(Candidates(row).best().id));
    end += of.rows;
    of.sequence->guessed.resize(static_cast<std::size_t>(layer_->spec().width));
    backend_.download(some_rows(layer_->hidden(), end - 1, 1), of.sequence->guessed.data());
  }
}

// What waits is read, so that texts that go on from this one find it: the model will not show it
// again. Places of pictures are not known any more.
void PredictionDrafter::end(std::uint64_t sequence, std::span<const TokenId> tokens) {
  const Text text{read_tokens(tokens), nullptr};
  const auto is_text = [&](TokenId id) { return id < layer_->spec().vocabulary; };
  Sequence* const started = sequences_.find_started(sequence);
  if (started && std::ranges::all_of(text.tokens, is_text)) {
    read_until(text, std::min(std::ssize(text.tokens), readable_rows(*started)), *started);
  }
  sequences_.end(sequence, text.tokens);
}

}  // namespace linnet
