#include "generate/speculation/block_drafter.hpp"

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "generate/sampling/candidates.hpp"
#include "generate/speculation/draft_batches.hpp"
#include "generate/speculation/share_tables.hpp"

namespace linnet {

Result<std::unique_ptr<Drafter>> BlockDrafter::load(const ModelFile& file, const Model& target,
                                                    Backend& backend, const EngineOptions& options,
                                                    std::int64_t kv_tokens) {
  ModelSpec spec = file.spec();
  spec.vocabulary = target.spec().vocabulary;
  const BatchLimits limits = draft_limits(spec, target.limits());
  const auto tables = share_tables(file.file(), spec, target, backend);
  if (!tables) return tables.error();
  WeightLoader loader(file.file(), backend);
  const LayerPlace place{&backend};
  auto model = Model::load(std::move(spec), loader, {&place, 1}, limits, *tables);
  if (!model) return model.error();
  if (Status s = file.file().check_unchanged(); !s) return s.error();
  SequenceMemory memory;
  memory.pages = pages_for(kv_tokens) + 1;
  auto kv = (*model)->make_kv_store(options.kv_type, memory.pages);
  if (!kv) return kv.error();
  memory.kv = std::move(*kv);
  return std::unique_ptr<Drafter>(
      new BlockDrafter(file, target, std::move(*model), std::move(memory), backend));
}

BlockDrafter::BlockDrafter(const ModelFile& file, const Model& target, std::unique_ptr<Model> model,
                           SequenceMemory memory, Backend& backend)
    : file_(file),
      target_(target),
      model_(std::move(model)),
      memory_(std::move(memory)),
      cache_(backend, memory_, /*reuses=*/true),
      logits_(backend) {}

// Rows of guesses are read, too: if they were wrong, others come in their place.
void BlockDrafter::observe(const EvaluatedRows& rows) {
  Sequence& sequence = sequences_[rows.sequence];
  if (!sequences_.start(rows.tokens, sequence)) return;
  const std::int64_t known = sequence.stored.computed;
  sequence.read = std::clamp(sequence.read, known, std::max(known, rows.position));
  const std::int64_t end = rows.position + rows.rows;
  if (end <= sequence.read || !cache_.reserve(sequence.stored, end)) return;
  const EvaluatedRows unseen{rows.sequence, rows.tokens, 0, 0, 0, rows.media};
  while (sequence.read < end) {
    const bool is_seen = sequence.read >= rows.position;
    const std::int64_t to =
        std::min(is_seen ? end : rows.position, sequence.read + model_->limits().rows);
    read_rows(is_seen ? rows : unseen, sequence.read, to, sequence);
    sequence.read = to;
  }
  advance(rows.tokens, std::ssize(rows.tokens), sequence);
}

// Makes keys and values of what the target's layers gave for the rows [first, end) of the text.
void BlockDrafter::read_rows(const EvaluatedRows& rows, std::int64_t first, std::int64_t end,
                             Sequence& sequence) {
  rows_.clear();
  rows_.add_sequence(sequence.stored, first, end - first);
  for (std::int64_t i = first; i < end; ++i) {
    rows_.add_row(spec().mask_token, /*wants_logits=*/false);
    if (rows.media) rows_.place_row(*rows.media, i);
  }
  std::vector<View> results;
  for (std::size_t i = 0; rows.rows > 0 && i < spec().target_layers.size(); ++i) {
    const std::int64_t row = rows.first_row + first - rows.position;
    results.push_back(some_rows(target_.kept(i), row, end - first));
  }
  model_->read_results(results, rows_.batch(), cache_.kv());
}

// The rows before `end` are certain.
void BlockDrafter::advance(std::span<const TokenId> tokens, std::int64_t end, Sequence& sequence) {
  const std::int64_t count = std::min(end, sequence.read) - sequence.stored.computed;
  if (count > 0) cache_.advance(sequence.stored, tokens, count);
}

Status BlockDrafter::propose(std::span<const DraftQuery> queries) {
  std::vector<Guessing> guessing;
  rows_.clear();
  for (const DraftQuery& query : queries) {
    const std::int64_t most = std::min(query.most, spec().block_guesses());
    if (add_block(query, most)) guessing.push_back({&query, most});
  }
  guess(guessing);
  return file_.check_lazy_weights();
}

// The rows of a block after a text; false if it gets none.
bool BlockDrafter::add_block(const DraftQuery& query, std::int64_t most) {
  Sequence* const sequence = sequences_.find_started(query.sequence);
  const std::int64_t last = std::ssize(query.tokens) - 1;
  const std::int64_t count = spec().block_rows;
  const bool has_room = rows_.rows() + count <= model_->limits().rows &&
                        rows_.outputs() + most <= model_->limits().outputs;
  // The last token may be a row of a medium.
  if (!sequence || most < 1 || !has_room || sequence->read < last ||
      query.tokens.back() >= model_->spec().vocabulary) {
    return false;
  }
  advance(query.tokens, last, *sequence);
  if (!cache_.reserve(sequence->stored, last + count)) return false;
  sequence->read = last;  // the block takes the place of what is after
  rows_.add_sequence(sequence->stored, last, count);
  if (model_->adapters() > 0) rows_.adapt(query.adapter_strengths);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t guess = i - spec().first_guess;
    rows_.add_row(i == 0 ? query.tokens.back() : spec().mask_token,
                  /*wants_logits=*/guess >= 0 && guess < most);
    if (query.media) rows_.place_row(*query.media, last + i);
  }
  return true;
}

void BlockDrafter::guess(std::span<const Guessing> guessing) {
  if (guessing.empty()) return;
  const View logits = model_->forward(rows_.batch(), cache_.kv());
  const bool is_chained = spec().chain_columns > 0;
  if (!is_chained) logits_.read_likeliest(logits);  // the next step tells of errors
  std::int64_t row = 0;
  for (const Guessing& of : guessing) {
    if (is_chained) guess_in_chain(of, some_rows(logits, row, of.most));
    for (std::int64_t i = 0; !is_chained && i < of.most; ++i) {
      of.query->guesses->push_back(likeliest(row + i));
    }
    row += of.most;
  }
}

// Each guess adds to the logits of the next one.
void BlockDrafter::guess_in_chain(const Guessing& guessing, View logits) {
  TokenId before = guessing.query->tokens.back();
  for (std::int64_t i = 0; i < guessing.most; ++i) {
    const View row = some_rows(logits, i, 1);
    model_->add_chain({&before, 1}, row);
    logits_.read_likeliest(row);
    before = likeliest(0);
    guessing.query->guesses->push_back(before);
  }
}

// The guess of a row of the logits that were read.
TokenId BlockDrafter::likeliest(std::int64_t row) {
  return spec().token_of(Candidates(logits_.row(row)).best().id);
}

void BlockDrafter::read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) {
  Sequence* const started = sequences_.find_started(sequence);
  if (started) advance(tokens, std::ssize(tokens), *started);
}

void BlockDrafter::end(std::uint64_t sequence, std::span<const TokenId> tokens) {
  sequences_.end(sequence, tokens);
}

}  // namespace linnet
