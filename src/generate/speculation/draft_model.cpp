#include "generate/speculation/draft_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backend/kv_pages.hpp"
#include "base/units.hpp"
#include "generate/loading/part_bytes.hpp"
#include "generate/sampling/candidates.hpp"

namespace linnet {
namespace {

// Files may pad their vocabulary: what both have must be the same.
Status check_vocabulary(const ModelFile& draft, const ModelFile& target) {
  const std::string& path = draft.file().path().string();
  const Tokenizer *own = draft.tokenizer(), *other = target.tokenizer();
  if (!own || !other) {
    if (draft.spec().vocabulary == target.spec().vocabulary) return {};
    return Error{fmt::format("{}: the draft model has {} tokens, expected the model's {}", path,
                             draft.spec().vocabulary, target.spec().vocabulary)};
  }
  const auto shared = std::min(own->vocabulary_size(), other->vocabulary_size());
  for (TokenId id = 0; id < shared; ++id) {
    if (own->piece(id) == other->piece(id)) continue;
    return Error{fmt::format(
        "{}: the draft model has another vocabulary: token {} is \"{}\", expected the model's "
        "\"{}\"",
        path, id, own->piece(id), other->piece(id))};
  }
  return {};
}

Status check_memory(const ModelFile& draft, const EngineOptions& options, std::int64_t kv_tokens,
                    std::int64_t promised_bytes) {
  const MemoryShare share{
      .weights_bytes = weights_bytes(draft.file(), draft.spec(), {options.backend, {}}),
      .kv_bytes_per_token = kv_bytes_per_token(draft.spec(), options.kv_type)};
  const std::int64_t need = share.bytes(kv_tokens);
  const auto free = available_bytes(options.backend);
  if (!free) return free.error();
  const std::int64_t available = *free;
  // What was allocated on a GPU is not free any more; the machine gives memory when it is touched.
  if (options.backend == BackendKind::kCuda) promised_bytes = 0;
  if (options.force || available == 0 || saturating_add(need, promised_bytes) <= available) {
    return {};
  }
  return Error{fmt::format(
      "{}: the draft model needs {} MiB of memory and {} MiB are left beside the model; --force "
      "loads it anyway",
      draft.file().path().string(), need / kMiB,
      std::max<std::int64_t>(0, available - promised_bytes) / kMiB)};
}

Status check_kind(const ModelFile& draft) {
  const char* const problem = state_bytes(draft.spec()) > 0 ? "keeps recurrent state"
                              : !draft.spec().causal        ? "does not generate from left to right"
                                                            : nullptr;
  if (!problem) return {};
  return Error{fmt::format("{}: a model of the architecture {} cannot be a draft model: it {}",
                           draft.file().path().string(), draft.spec().architecture, problem)};
}

Status check_positions(const ModelFile& draft, const ModelFile& target,
                       const EngineOptions& options, std::int64_t kv_tokens) {
  const std::int64_t rows = draft.spec().position_rows;
  const std::int64_t context = options.context > 0 ? options.context : target.spec().context_length;
  const std::int64_t longest = std::min(context, kv_tokens);
  if (rows == 0 || rows >= longest) return {};
  return Error{fmt::format("{}: the draft model knows {} positions, and texts may have {} tokens",
                           draft.file().path().string(), rows, longest)};
}

}  // namespace

Result<std::unique_ptr<Drafter>> DraftModel::load(const std::string& path, const ModelFile& target,
                                                  Backend& backend, const EngineOptions& options,
                                                  std::int64_t kv_tokens,
                                                  std::int64_t promised_bytes) {
  auto file = ModelFile::open(path);
  if (!file) return file.error();
  if (Status s = check_kind(**file); !s) return s.error();
  if (Status s = check_vocabulary(**file, target); !s) return s.error();
  if (Status s = check_positions(**file, target, options, kv_tokens); !s) return s.error();
  if (Status s = check_memory(**file, options, kv_tokens, promised_bytes); !s) return s.error();
  BatchLimits limits = options.limits;
  limits.rows = std::min(limits.rows, std::max<std::int64_t>(kv_tokens, limits.outputs));
  WeightLoader loader((*file)->file(), backend);
  auto model = Model::load((*file)->spec(), loader, backend, limits);
  if (!model) return model.error();
  if (Status s = (*file)->file().check_unchanged(); !s) return s.error();
  SequenceMemory memory;
  memory.pages = pages_for(kv_tokens) + 1;
  auto kv = backend.make_kv_store((*model)->kv_shape(options.kv_type, memory.pages));
  if (!kv) return kv.error();
  memory.kv = std::move(*kv);
  const auto vocabulary = std::min((*file)->spec().vocabulary, target.spec().vocabulary);
  return std::unique_ptr<Drafter>(
      new DraftModel(backend, std::move(*file), std::move(*model), std::move(memory), vocabulary));
}

DraftModel::DraftModel(Backend& backend, std::unique_ptr<ModelFile> file,
                       std::unique_ptr<Model> model, SequenceMemory memory, std::int64_t vocabulary)
    : file_(std::move(file)),
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
    if (guessing.empty()) return file_->check_lazy_weights();
    compute(guessing);
  }
}

// Evaluates the rows and guesses the likeliest token behind each of them whose logits are wanted.
void DraftModel::compute(const std::vector<Guessing>& guessing) {
  if (rows_.rows() == 0) return;
  const View logits = model_->forward(rows_.batch(), cache_.kv());
  logits_.clear();
  LogitNeeds likeliest;
  likeliest.all = !logits_.picks();
  for (std::size_t i = 0; i < guessing.size(); ++i) logits_.add_row(likeliest);
  logits_.read(logits.slice(0, vocabulary_));  // the step that tries the guesses tells of errors
  for (std::size_t i = 0; i < guessing.size(); ++i) {
    const LogitRow row = logits_.row(static_cast<std::int64_t>(i));
    guessing[i].query->guesses->push_back(Candidates(row).best().id);
  }
}

// Adds the rows of what came since the last time; true if the logits behind it are wanted.
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
