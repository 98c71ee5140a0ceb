#include "generate/speculation/prediction_drafter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "backend/split_stores.hpp"
#include "generate/sampling/candidates.hpp"
#include "generate/speculation/draft_batches.hpp"
#include "generate/speculation/share_tables.hpp"
#include "model/blocks/prediction.hpp"

namespace linnet {
namespace {

// So many rows of a text may wait for the next guesses, with which they are read.
constexpr std::int64_t kWaitingRows = 32;

// Adds what `layer` had to load, for those after it, but for what is its own.
void share_more(const gguf::File& file, const Model& layer, const Backend& backend,
                SharedTables& tables) {
  const SharedTables loaded = layer.tables_in(backend);
  const auto is_own = [&](const std::string& name) {
    return file.find_tensor(name + ".weight") != nullptr;
  };
  if (!tables.tokens && !is_own(own_tokens_tensor(layer.spec()))) tables.tokens = loaded.tokens;
  if (!tables.output && !is_own(own_output_tensor(layer.spec()))) tables.output = loaded.output;
}

}  // namespace

Result<std::unique_ptr<Drafter>> PredictionDrafter::load(const ModelFile& file, ModelSpec spec,
                                                         const Model& target, Backend& backend,
                                                         const EngineOptions& options,
                                                         std::int64_t kv_tokens) {
  const bool joins = spec.prediction.kind == PredictionSpec::Kind::kJoined;
  const BatchLimits limits = draft_limits(spec, target.limits());
  spec.vocabulary = target.spec().vocabulary;
  auto shared = share_tables(file.file(), spec, target, backend);
  if (!shared) return shared.error();
  SharedTables tables = *shared;
  SequenceMemory memory;
  memory.pages = pages_for(kv_tokens) + 1;
  std::vector<std::unique_ptr<Model>> layers;
  std::vector<std::unique_ptr<KvStore>> stores;
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    WeightLoader loader(file.file(), backend);
    if (joins) loader.load_part();
    const LayerPlace place{&backend};
    auto layer =
        Model::load(joins ? prediction_layer(spec, i) : spec, loader, {&place, 1}, limits, tables);
    if (!layer) return layer.error();
    share_more(file.file(), **layer, backend, tables);
    auto kv = (*layer)->make_kv_store(options.kv_type, memory.pages);
    if (!kv) return kv.error();
    layers.push_back(std::move(*layer));
    stores.push_back(std::move(*kv));
  }
  if (Status s = file.file().check_unchanged(); !s) return s.error();
  memory.kv = std::make_unique<SplitKvStore>(std::move(stores));
  return std::unique_ptr<Drafter>(
      new PredictionDrafter(file, target, backend, std::move(layers), std::move(memory)));
}

PredictionDrafter::PredictionDrafter(const ModelFile& file, const Model& target, Backend& backend,
                                     std::vector<std::unique_ptr<Model>> layers,
                                     SequenceMemory memory)
    : file_(file),
      target_(target),
      backend_(backend),
      layers_(std::move(layers)),
      skipped_(spec().prediction.kind == PredictionSpec::Kind::kBeside ? 1 : 0),
      memory_(std::move(memory)),
      cache_(backend, memory_, /*reuses=*/true),
      logits_(backend) {}

// This many go into a pass besides the rows of the guesses before the last one.
std::int64_t PredictionDrafter::waiting_rows() const {
  const std::int64_t room = limits().rows - (std::ssize(layers_) - 1);
  return std::clamp<std::int64_t>(room, 1, kWaitingRows);
}

// Evaluates the rows.
View PredictionDrafter::forward(std::size_t layer) {
  return layers_[layer]->forward(rows_.batch(),
                                 static_cast<SplitKvStore&>(cache_.kv()).part(layer));
}

// Nothing comes before the first one, so that EAGLE-3 was not trained to read it.
std::span<const TokenId> PredictionDrafter::read_tokens(std::span<const TokenId> tokens) const {
  return tokens.subspan(static_cast<std::size_t>(std::min(skipped_, std::ssize(tokens))));
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
  const std::int64_t known = std::ssize(sequence.hidden) / spec().given_columns();
  return sequence.first_hidden + known + 1 - skipped_;
}

// What the layer reads of the target's states, [rows, width].
void PredictionDrafter::read_hidden(const EvaluatedRows& rows, float* out) {
  const PredictionSpec& spec = this->spec().prediction;
  if (spec.kind == PredictionSpec::Kind::kJoined) {
    const View states = spec.target_layers.empty() ? target_.hidden() : target_.kept(0);
    return backend_.download(some_rows(states, rows.first_row, rows.rows), out);
  }
  const std::size_t layers = spec.target_layers.size();
  std::vector<View> results(layers);
  for (std::int64_t first = 0; first < rows.rows; first += limits().rows) {
    const std::int64_t count = std::min(rows.rows - first, limits().rows);
    for (std::size_t i = 0; i < layers; ++i) {
      results[i] = some_rows(target_.kept(i), rows.first_row + first, count);
    }
    backend_.download(layers_.front()->fuse(results), out + first * this->spec().given_columns());
  }
}

// Those of guesses that were wrong, or of a sequence that is computed once more, come again.
void PredictionDrafter::keep_hidden(const EvaluatedRows& rows, Sequence& sequence) {
  const std::int64_t width = spec().given_columns();
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
  const std::int64_t width = spec().given_columns();
  const std::int64_t known = std::ssize(sequence.hidden) / width;
  const std::int64_t next = sequence.stored.computed + skipped_ - 1;
  const std::int64_t read = std::clamp<std::int64_t>(next - sequence.first_hidden, 0, known);
  sequence.hidden.erase(sequence.hidden.begin(), sequence.hidden.begin() + read * width);
  sequence.first_hidden += read;
}

// Rows of pictures and sounds count as some token: what the model has made of them says more.
void PredictionDrafter::add_row(const Text& text, std::int64_t row, TokenId token,
                                bool wants_logits) {
  rows_.add_row(token < spec().vocabulary ? token : 0, wants_logits);
  if (text.media) rows_.place_row(*text.media, row + skipped_);
}

// Adds the rows of a text that were not read, up to `end`, with the states that they read.
void PredictionDrafter::add_text(const Text& text, std::int64_t end, bool wants_logits,
                                 const Sequence& sequence) {
  const std::int64_t first = sequence.stored.computed;
  const std::int64_t width = spec().given_columns();
  const std::int64_t known = std::ssize(sequence.hidden) / width;
  const std::int64_t reader = sequence.first_hidden + 1 - skipped_;  // of the first that is known
  const std::int64_t from = std::clamp(reader, first, end);
  const std::int64_t to = std::clamp(reader + known, from, end);
  if (from < to) {
    rows_.add_given(
        {rows_.rows() + from - first, to - from, sequence.hidden.data() + (from - reader) * width});
  }
  for (std::int64_t i = first; i < end; ++i) {
    add_row(text, i, text.tokens[i], wants_logits && i + 1 == end);
  }
}

// Begins the rows of a sequence of which guesses are made, with what its adapters add to the
// logits.
void PredictionDrafter::begin_rows(const DraftQuery& query, const Sequence& sequence,
                                   std::int64_t position, std::int64_t count) {
  rows_.add_sequence(sequence.stored, position, count);
  if (layers_.front()->adapters() > 0) rows_.adapt(query.adapter_strengths);
}

// Adds the rows of the guesses from `first` on; what follows the last one is wanted.
void PredictionDrafter::add_guesses(const Guessing& guessing, std::int64_t first) {
  const std::vector<TokenId>& guesses = *guessing.query->guesses;
  const std::int64_t count = std::ssize(guesses) - first;
  const std::vector<float>& states = guessing.sequence->guessed;
  rows_.add_given({rows_.rows(), count, states.data() + first * spec().given_columns()});
  const Text text = text_of(*guessing.query);
  for (std::int64_t i = first; i < std::ssize(guesses); ++i) {
    add_row(text, std::ssize(text.tokens) + i, guesses[static_cast<std::size_t>(i)],
            i + 1 == std::ssize(guesses));
  }
}

// Reads rows of which nothing is guessed, up to `end`.
void PredictionDrafter::read_until(const Text& text, std::int64_t end, Sequence& sequence) {
  StoredSequence& stored = sequence.stored;
  while (stored.computed < end) {
    const std::int64_t count = std::min(end - stored.computed, limits().rows);
    if (!cache_.reserve(stored, stored.computed + count)) return sequence.hidden.clear();
    rows_.clear();
    rows_.add_sequence(stored, stored.computed, count);
    add_text(text, stored.computed + count, /*wants_logits=*/false, sequence);
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) forward(layer);
    cache_.advance(stored, text.tokens, count);
    drop_read(sequence);
  }
}

Status PredictionDrafter::propose(std::span<const DraftQuery> queries) {
  for (const DraftQuery& query : queries) read_waiting(query);
  std::vector<Guessing> guessing;
  rows_.clear();
  for (const DraftQuery& query : queries) add_latest(query, guessing);
  compute(guessing, 0);
  for (std::size_t layer = 1; layer < layers_.size(); ++layer) chain(guessing, layer);
  for (const Guessing& of : guessing) {
    cache_.advance(of.sequence->stored, read_tokens(of.query->tokens), of.unread);
    drop_read(*of.sequence);
  }
  while (layers_.size() == 1 && !guessing.empty()) go_on(guessing);
  return file_.check_lazy_weights();
}

// Reads what is more than a batch should have besides guesses.
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
  const std::int64_t end = std::ssize(text.tokens);
  const std::int64_t count = end - sequence->stored.computed;
  const std::int64_t later = (std::ssize(guessing) + 1) * (std::ssize(layers_) - 1);
  const bool has_room =
      rows_.rows() + count + later <= limits().rows && rows_.outputs() < limits().outputs;
  if (count < 1 || !has_room || !cache_.reserve(sequence->stored, end)) return;
  begin_rows(query, *sequence, sequence->stored.computed, count);
  add_text(text, end, /*wants_logits=*/true, *sequence);
  sequence->guessed.clear();
  guessing.push_back({&query, sequence, count, count});
}

// Whether a sequence gets one more guess: one is wanted, and there is memory for the row that it
// comes from.
bool PredictionDrafter::gets_more(const Guessing& guessing) {
  const DraftQuery& query = *guessing.query;
  const std::int64_t end = std::ssize(read_tokens(query.tokens)) + std::ssize(*query.guesses);
  return std::ssize(*query.guesses) < query.most && cache_.reserve(guessing.sequence->stored, end);
}

// A later layer reads the texts, too, after which its guesses come from those before.
void PredictionDrafter::chain(std::vector<Guessing>& guessing, std::size_t layer) {
  rows_.clear();
  for (Guessing& of : guessing) {
    of.goes_on = of.goes_on && gets_more(of);
    of.rows = of.unread + (of.goes_on ? std::ssize(*of.query->guesses) : 0);
    const std::int64_t computed = of.sequence->stored.computed;
    begin_rows(*of.query, *of.sequence, computed, of.rows);
    add_text(text_of(*of.query), computed + of.unread, /*wants_logits=*/false, *of.sequence);
    if (of.goes_on) add_guesses(of, 0);
  }
  compute(guessing, layer);
}

// The only layer gives each sequence a guess, from which the next pass goes on.
void PredictionDrafter::go_on(std::vector<Guessing>& guessing) {
  std::erase_if(guessing, [this](const Guessing& of) { return !gets_more(of); });
  rows_.clear();
  for (Guessing& of : guessing) {
    of.rows = 1;
    const std::int64_t latest = std::ssize(*of.query->guesses) - 1;
    begin_rows(*of.query, *of.sequence, of.sequence->stored.computed + latest, 1);
    add_guesses(of, latest);
  }
  compute(guessing, 0);
}

// Evaluates the rows; the last one of each sequence that goes on gives it a guess.
void PredictionDrafter::compute(std::span<const Guessing> guessing, std::size_t layer) {
  if (rows_.rows() == 0) return;
  rows_.keep_hidden();
  const View logits = forward(layer);
  if (rows_.outputs() == 0) return;
  logits_.read_likeliest(logits);  // the step that tries the guesses tells of errors
  std::int64_t output = 0, end = 0;
  for (const Guessing& of : guessing) {
    end += of.rows;
    if (!of.goes_on) continue;
    of.query->guesses->push_back(
        spec().prediction.token_of(Candidates(logits_.row(output++)).best().id));
    std::vector<float>& states = of.sequence->guessed;
    states.resize(states.size() + static_cast<std::size_t>(spec().given_columns()));
    backend_.download(some_rows(layers_[layer]->hidden(), end - 1, 1),
                      states.data() + std::ssize(states) - spec().given_columns());
  }
}

// So that texts that go on from this one find it: the model will not show it again. Places of
// pictures are not known any more.
void PredictionDrafter::read_rest(std::uint64_t sequence, std::span<const TokenId> tokens) {
  const Text text{read_tokens(tokens), nullptr};
  const auto is_text = [&](TokenId id) { return id < spec().vocabulary; };
  Sequence* const started = sequences_.find_started(sequence);
  if (!started || !std::ranges::all_of(text.tokens, is_text)) return;
  read_until(text, std::min(std::ssize(text.tokens), readable_rows(*started)), *started);
}

void PredictionDrafter::end(std::uint64_t sequence, std::span<const TokenId> tokens) {
  sequences_.end(sequence, read_tokens(tokens));
}

}  // namespace linnet
