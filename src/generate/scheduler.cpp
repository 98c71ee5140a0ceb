#include "generate/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "formats/magnitude.hpp"

namespace linnet {
namespace {

Error no_numbers(std::string_view what, std::int64_t tokens) {
  return Error{
      fmt::format("the model's {} of token {} of the text are no numbers: its weights are damaged, "
                  "or its values overflow",
                  what, tokens)};
}

Error no_token(const GenerateRequest& request, std::int64_t drawn) {
  return {fmt::format("the answer can't go on after token {}: {}", drawn,
                      request.sampling.grammar
                          ? "its grammar asks for more, but allows no token that is not banned"
                          : "all of them are banned"),
          kNoTokenAllowed};
}

bool needs_all_hidden(const GenerateRequest& request) {
  return request.on_hidden && !request.last_hidden_only;
}

// Of a prompt whose tokens see each other all rows come together, and then those of its text one by
// one: also when they come again because the sequence had given its pages away, or the prompt's
// tokens would see the text's. (Those of an input never do.)
std::int64_t rows_wanted(const ModelSpec& spec, std::int64_t prompt_tokens,
                         const StoredSequence& stored, std::int64_t pending) {
  if (spec.causal || spec.input.layers > 0) return pending;
  return stored.computed == 0 ? prompt_tokens : 1;
}

}  // namespace

Scheduler::Scheduler(Model& model, Backend& backend, SequenceMemory& memory,
                     std::unique_ptr<Drafter> drafter)
    : model_(model),
      backend_(backend),
      cache_(backend, memory, model.spec().causal),
      drafter_(std::move(drafter)),
      logits_(backend) {}

Scheduler::Sequence::Sequence(GenerateRequest wanted, std::uint64_t number)
    : request(std::move(wanted)), id(number), chain(request.sampling), tokens(request.prompt) {}

void Scheduler::Sequence::add_token(std::int32_t token) {
  tokens.push_back(token);
  if (!pictures.empty()) text_tokens.push_back(token);
}

// After guesses that were wrong, recurrent state stands some tokens behind.
bool Scheduler::Sequence::is_generating() const {
  if (!started || request.on_hidden) return false;
  return pending() == 1 || (drawn > 0 && pending() <= 1 + DraftLength::kMost);
}

void Scheduler::submit(GenerateRequest request) {
  request.sampling.min_tokens = request.min_tokens;
  request.sampling.end_tokens = request.stop_tokens;
  std::list<Sequence> added;  // to the others when nothing can fail any more
  Sequence& sequence = added.emplace_back(std::move(request), next_id_++);
  if (!sequence.request.pictures.empty()) {
    sequence.pictures =
        PromptPictures(encoder_->spec(), sequence.tokens, sequence.request.pictures);
    std::ranges::copy_if(sequence.tokens, std::back_inserter(sequence.text_tokens),
                         [&](TokenId token) { return token < model_.spec().vocabulary; });
  }
  if (const InputSpec& input = model_.spec().input; input.layers > 0) {
    sequence.input_tokens = std::ssize(sequence.tokens);
    if (!sequence.request.on_hidden) sequence.tokens.push_back(input.first_token);
  }
  sequences_.splice(sequences_.end(), added);
}

Status Scheduler::step() {
  last_step_size_ = {};
  drop_cancelled();
  if (idle()) return {};
  ++step_;
  if (Status status = collect(); !status) return status;
  const bool has_parts = !parts_.empty();
  if (has_parts) {
    if (Status status = compute(); !status) return status;
  }
  last_step_size_.encodes_picture = encode_picture();
  if (has_parts || last_step_size_.encodes_picture) return {};
  return Error{"the KV cache is full and no sequence can go on"};
}

// Evaluates the rows of this step, and draws.
Status Scheduler::compute() {
  for (const Part& part : parts_) cache_.begin_rows(part.sequence->stored);
  const View logits = model_.forward(rows_.batch(), cache_.kv(), cache_.states());
  logits_.clear();
  for (const Part& part : parts_) state_needs(part);
  logits_.read(logits);
  if (Status status = model_.status(); !status) return status;
  std::int64_t output = 0;
  for (const Part& part : parts_) {
    const bool gives_hidden = part.sequence->request.on_hidden != nullptr;
    output += take_results(part, output);
    if (!gives_hidden) continue;
    if (Status status = give_hidden(part); !status) return status;
  }
  return {};
}

// Goes on with the first picture that a prompt waits for; false where none does.
bool Scheduler::encode_picture() {
  for (auto it = sequences_.begin(); it != sequences_.end(); ++it) {
    if (!it->started) continue;
    const auto piece = it->pictures.next_without_rows(it->stored.computed);
    if (!piece) continue;
    auto rows = encoder_->advance({it->id, *piece}, it->pictures.image(*piece));
    if (!rows) {
      finish(it, rows.error());
    } else if (*rows) {
      it->pictures.give_rows(*piece, std::move(**rows));
    }
    return true;
  }
  return false;
}

void Scheduler::drop_cancelled() {
  for (auto it = sequences_.begin(); it != sequences_.end();) {
    const auto sequence = it++;
    const auto& is_cancelled = sequence->request.is_cancelled;
    if (is_cancelled && is_cancelled()) finish(sequence, FinishReason::kCancelled);
  }
}

void Scheduler::drop_all() {
  parts_.clear();
  for (Sequence& sequence : sequences_) {
    if (drafter_) drafter_->end(sequence.id, sequence.tokens);
    release(sequence);
  }
  sequences_.clear();
}

// Chooses the rows of this step.
Status Scheduler::collect() {
  rows_.clear();
  parts_.clear();
  if (Status status = propose_guesses(); !status) return status;
  const std::int64_t room = model_.limits().rows;
  for (auto it = sequences_.begin(); it != sequences_.end(); ++it) {
    if (it->is_generating()) collect_from(it, room);
  }
  const std::int64_t texts = rows_.rows();
  // A prompt that can't be cut comes whole, if any come, lest it waits for ever.
  const bool cuts = model_.spec().causal || prompt_rows_ == 0;
  const std::int64_t prompt_rows = cuts ? prompt_rows_ : room;
  const std::int64_t most_rows = texts == 0 ? room : texts + std::min(prompt_rows, room - texts);
  bool may_start = true;
  for (auto it = sequences_.begin(); it != sequences_.end(); ++it) {
    if (it->last_step == step_) continue;
    if (!it->started) {
      if (!may_start || waits_for_older(*it)) continue;
      may_start = start(*it);  // or those behind it wait, too, unless they have begun
      if (!may_start) continue;
    }
    collect_from(it, most_rows);
  }
  last_step_size_ = {texts, rows_.rows() - texts};
  return {};
}

// Shares the rows with logits that are left, should all sequences draw, among the texts that go on.
Status Scheduler::propose_guesses() {
  if (!drafter_) return {};
  const auto generating = std::ranges::count_if(sequences_, &Sequence::is_generating);
  if (generating == 0) return {};
  const std::int64_t share = (model_.limits().outputs - std::ssize(sequences_)) / generating;
  queries_.clear();
  for (Sequence& sequence : sequences_) {
    sequence.guesses.clear();
    if (!sequence.is_generating() || sequence.pending() > 1) continue;
    if (!sequence.pictures.empty()) continue;  // of which drafters know nothing
    const std::int64_t left = sequence.request.max_tokens - sequence.drawn - 1;
    const std::int64_t most = std::min({share, left, sequence.draft_length.next()});
    if (most > 0) queries_.push_back({sequence.id, sequence.tokens, most, &sequence.guesses});
  }
  return drafter_->propose(queries_);
}

// Finds out what is known of the tokens; false if there is no memory to begin with, which is not
// tried again before some was released.
bool Scheduler::start(Sequence& sequence) {
  if (sequence.started) return true;
  if (sequence.refused_after == releases_) return false;
  const auto running = std::ranges::count_if(sequences_, &Sequence::started);
  // Of the last token the results are needed; hidden states are not in the cache.
  const std::int64_t most_known =
      needs_all_hidden(sequence.request) ? 0 : std::ssize(sequence.tokens) - 1;
  if (!cache_.start(sequence.tokens, most_known, running, sequence.stored)) {
    sequence.refused_after = releases_;
    return false;
  }
  sequence.started = true;
  if (sequence.request.on_start) {
    std::exchange(sequence.request.on_start, nullptr)(sequence.stored.computed);
  }
  return true;
}

// Whether an older prompt that is being computed will soon have more in common with this one.
bool Scheduler::waits_for_older(const Sequence& sequence) {
  if (!model_.spec().causal || needs_all_hidden(sequence.request)) return false;
  for (Sequence& older : sequences_) {
    if (&older == &sequence) break;
    if (!older.started || older.stored.computed >= older.stored.prompt_tokens) continue;
    const auto last = sequence.tokens.end() - 1;  // of which the logits are needed
    const auto common =
        std::mismatch(sequence.tokens.begin(), last, older.tokens.begin(), older.tokens.end());
    const std::int64_t shared = common.first - sequence.tokens.begin();
    if (shared < kPageTokens || shared <= older.stored.computed) continue;
    cache_.add_border(older.stored, shared);
    return true;
  }
  return false;
}

// Adds as many rows of a sequence as there is room for, until there are `most_rows`.
void Scheduler::collect_from(Iterator it, std::int64_t most_rows) {
  Sequence& sequence = *it;
  StoredSequence& stored = sequence.stored;
  const std::int64_t room = most_rows - rows_.rows();
  if (room <= 0) return;
  const std::int64_t wanted =
      rows_wanted(model_.spec(), std::ssize(sequence.request.prompt), stored, sequence.pending());
  const std::int64_t count = rows_that_fit(sequence, wanted, room);
  if (count < 1) return;
  if (!model_.spec().causal && count < wanted) return;  // its tokens see each other
  const bool draws = count == sequence.pending() && !sequence.request.on_hidden;
  if (draws && rows_.outputs() == model_.limits().outputs) return;
  if (!reserve_pages(it, stored.computed + count)) return;
  fit_guesses(sequence, count, draws);
  parts_.push_back({it, rows_.rows(), count, draws});
  add_rows(sequence, count, draws);
  sequence.last_step = step_;
}

// So many of the `wanted` rows can come now, where there is room for `room`. A picture that must
// come whole may take more room than prompts should, lest it waits for ever.
std::int64_t Scheduler::rows_that_fit(Sequence& sequence, std::int64_t wanted,
                                      std::int64_t room) const {
  const StoredSequence& stored = sequence.stored;
  const auto ready = [&](std::int64_t count) {
    return sequence.pictures.rows_ready(stored.computed, count);
  };
  const std::int64_t count = ready(cache_.rows_to_checkpoint(stored, std::min(wanted, room)));
  if (count > 0) return count;
  return ready(std::min(wanted, model_.limits().rows - rows_.rows()));
}

void Scheduler::add_rows(Sequence& sequence, std::int64_t count, bool draws) {
  const StoredSequence& stored = sequence.stored;
  if (sequence.request.on_hidden) rows_.keep_hidden();
  for (const GivenRows& rows : sequence.pictures.given(stored.computed, count, rows_.rows())) {
    rows_.add_given(rows);
  }
  rows_.add_sequence(stored, stored.computed, count + std::ssize(sequence.guesses),
                     sequence.input_tokens);
  for (std::int64_t i = stored.computed; i < stored.computed + count; ++i) {
    const std::int32_t token = sequence.tokens[i];
    const bool is_given = token >= model_.spec().vocabulary;
    rows_.add_row(is_given ? 0 : token, draws && i + 1 == stored.computed + count);
    if (sequence.pictures.has_places()) rows_.place_row(sequence.pictures.place(i));
  }
  for (const std::int32_t guess : sequence.guesses) rows_.add_row(guess, /*wants_logits=*/true);
}

// Leaves out guesses for which there are no rows, or no pages without taking some from others.
void Scheduler::fit_guesses(Sequence& sequence, std::int64_t rows, bool draws) {
  auto& guesses = sequence.guesses;
  if (guesses.empty()) return;
  const std::int64_t before = sequence.stored.computed + rows;
  cache_.reserve(sequence.stored, before + std::ssize(guesses));
  const std::int64_t room = std::min({model_.limits().rows - rows_.rows() - rows,
                                      model_.limits().outputs - rows_.outputs() - 1,
                                      std::ssize(sequence.stored.pages) * kPageTokens - before});
  guesses.resize(
      std::min(guesses.size(), static_cast<std::size_t>(std::max<std::int64_t>(room, 0))));
  if (!draws || (!guesses.empty() && !cache_.begin_trial(sequence.stored))) guesses.clear();
}

bool Scheduler::reserve_pages(Iterator sequence, std::int64_t tokens) {
  while (!cache_.reserve(sequence->stored, tokens)) {
    if (!preempt_younger_than(sequence)) return false;
  }
  return true;
}

// The youngest one loses its memory and will start anew; false if there is none without rows in
// this step.
bool Scheduler::preempt_younger_than(Iterator sequence) {
  for (auto other = std::prev(sequences_.end()); other != sequence; --other) {
    if (!other->started || other->last_step == step_) continue;
    release(*other);
    other->started = false;
    ++preemptions_;
    return true;
  }
  return false;
}

void Scheduler::release(Sequence& sequence) {
  cache_.end(sequence.stored, sequence.tokens);
  if (encoder_) encoder_->drop(sequence.id);
  ++releases_;
}

// Says what the rows of a part are needed for: the first by what the chain knows now. The rows
// behind guesses are drawn from when the text has changed.
void Scheduler::state_needs(const Part& part) {
  if (!part.draws) return;
  Sequence& sequence = *part.sequence;
  LogitNeeds needs;
  needs.all = !logits_.picks() || sequence.request.top_logprobs >= 0;
  if (!needs.all) needs = sequence.chain.needs({sequence.text(), sequence.drawn});
  logits_.add_row(needs);
  needs.all |= needs.depends_on_text;
  for (std::size_t i = 0; i < sequence.guesses.size(); ++i) logits_.add_row(needs);
}

// Draws from the logits of a part; gives the number of their rows.
std::int64_t Scheduler::take_results(const Part& part, std::int64_t first_output) {
  Sequence& sequence = *part.sequence;
  const auto guesses = std::exchange(sequence.guesses, {});
  // Recurrent state can't go back by single tokens: the rows stay all or none.
  const bool all_or_none = !guesses.empty() && cache_.has_states();
  if (!all_or_none) cache_.advance(sequence.stored, sequence.tokens, part.rows);
  sequence.pictures.drop_rows(sequence.stored.computed);
  if (!part.draws) return 0;

  const auto guessed = std::ssize(guesses);
  speculation_.guessed += guessed;
  std::int64_t accepted = 0;
  while (draw(part.sequence, logits_.row(first_output + accepted))) {
    if (accepted == guessed || sequence.tokens.back() != guesses[accepted]) {
      if (guessed > 0) sequence.draft_length.report(guessed, accepted);
      const bool all_right = accepted == guessed;
      cache_.end_trial(sequence.stored, all_right);
      if (all_or_none && all_right) {
        cache_.advance(sequence.stored, sequence.tokens, part.rows + guessed);
      }
      break;
    }
    ++accepted;
    ++speculation_.accepted;
    if (!all_or_none) cache_.advance(sequence.stored, sequence.tokens, 1);
  }
  return 1 + guessed;
}

// Reports the hidden states of a part, of which nothing is drawn.
Status Scheduler::give_hidden(const Part& part) {
  Sequence& sequence = *part.sequence;
  View states = model_.hidden();
  states.data = states.row(part.first_row);
  hidden_.resize(static_cast<std::size_t>(part.rows * states.columns));
  backend_.download(states.first_rows(part.rows), hidden_.data());
  if (Status status = model_.status(); !status) return status;
  if (!formats::are_finite(hidden_)) {
    finish(part.sequence, no_numbers("hidden states", sequence.stored.computed));
    return {};
  }
  sequence.request.on_hidden(sequence.stored.computed - part.rows, hidden_);
  if (sequence.pending() == 0) finish(part.sequence, FinishReason::kStop);
  return {};
}

// What it means that nothing could be drawn from `row`.
Result<FinishReason> Scheduler::ending_without_token(const Sequence& sequence,
                                                     const LogitRow& row) {
  if (std::ranges::any_of(row.logits, [](float logit) { return std::isnan(logit); })) {
    return no_numbers("logits", std::ssize(sequence.tokens));
  }
  if (sequence.chain.is_complete()) return FinishReason::kStop;
  return no_token(sequence.request, sequence.drawn);
}

// The next token of a sequence; false if it has ended.
bool Scheduler::draw(Iterator sequence, const LogitRow& row) {
  const GenerateRequest& request = sequence->request;
  std::optional<TokenLogprobs> logprobs;
  std::vector<float> given;  // by the model; the chain changes them
  if (request.top_logprobs >= 0 && request.on_logprobs) {
    logprobs = top_logprobs(row.logits, request.top_logprobs);
    given.assign(row.logits.begin(), row.logits.end());
  }
  const auto token = sequence->chain.draw(row, {sequence->text(), sequence->drawn});
  const auto& stops = request.stop_tokens;
  if (!token) {
    finish(sequence, ending_without_token(*sequence, row));
    return false;
  }
  if (std::find(stops.begin(), stops.end(), *token) != stops.end()) {
    finish(sequence, FinishReason::kStop);
    return false;
  }
  sequence->add_token(*token);
  ++sequence->drawn;
  if (logprobs) {
    logprobs->chosen = {*token, given[*token] - log_sum_exp(given)};
    request.on_logprobs(*logprobs);
  }
  if (request.on_token && !request.on_token(*token)) {
    finish(sequence, FinishReason::kCancelled);
    return false;
  }
  if (sequence->drawn == request.max_tokens) {
    finish(sequence, FinishReason::kLength);
    return false;
  }
  return true;
}

void Scheduler::finish(Iterator sequence, const Result<FinishReason>& ending) {
  const auto on_finish = std::move(sequence->request.on_finish);
  if (drafter_) drafter_->end(sequence->id, sequence->tokens);
  release(*sequence);
  sequences_.erase(sequence);
  if (on_finish) on_finish(ending);
}

}  // namespace linnet
