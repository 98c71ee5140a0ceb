#include "generate/step/step_rows.hpp"

#include <algorithm>

namespace linnet {

void StepRows::clear() {
  rows_.clear();
  parts_.clear();
  text_rows_ = 0;
}

Status StepRows::choose() {
  clear();
  for (Sequence& sequence : queue_.sequences()) sequence.has_rows = false;
  if (Status status = propose_guesses(); !status) return status;
  collect_texts();
  text_rows_ = rows_.rows();
  collect_prompts(most_rows());
  return {};
}

// Shares the rows with logits that are left, should all sequences draw, among the texts that go on.
Status StepRows::propose_guesses() {
  if (!queue_.drafter()) return {};
  Sequences& sequences = queue_.sequences();
  const auto generating = std::ranges::count_if(sequences, &Sequence::is_generating);
  if (generating == 0) return {};
  const std::int64_t share = (model_.limits().outputs - std::ssize(sequences)) / generating;
  queries_.clear();
  for (Sequence& sequence : sequences) {
    sequence.guesses.clear();
    if (!sequence.is_generating() || sequence.pending() > 1) continue;
    const std::int64_t left = sequence.request.max_tokens - sequence.drawn - 1;
    const std::int64_t most = std::min({share, left, kMostGuesses});
    if (most <= 0) continue;
    queries_.push_back({sequence.id, sequence.tokens, most, &sequence.guesses, &sequence.stored,
                        sequence.media.empty() ? nullptr : &sequence.media,
                        sequence.request.adapter_strengths});
  }
  return queue_.drafter()->propose(queries_);
}

void StepRows::collect_texts() {
  Sequences& sequences = queue_.sequences();
  for (auto it = sequences.begin(); it != sequences.end(); ++it) {
    if (it->is_generating()) collect_from(it, model_.limits().rows);
  }
}

// With those of prompts, besides the texts that were collected.
std::int64_t StepRows::most_rows() const {
  const std::int64_t room = model_.limits().rows, texts = rows_.rows();
  // A prompt that can't be cut comes whole, if any come, lest it waits forever.
  const bool cuts = model_.spec().causal || prompt_rows_ == 0;
  const std::int64_t prompt_rows = cuts ? prompt_rows_ : room;
  return texts == 0 ? room : texts + std::min(prompt_rows, room - texts);
}

void StepRows::collect_prompts(std::int64_t most_rows) {
  Sequences& sequences = queue_.sequences();
  bool may_start = true;
  for (auto it = sequences.begin(); it != sequences.end(); ++it) {
    if (it->has_rows) continue;
    if (!it->started) {
      if (!may_start || queue_.waits_for_older(*it)) continue;
      may_start = queue_.start(*it);  // or those after it wait, too, unless they have begun
      if (!may_start) continue;
    }
    collect_from(it, most_rows);
  }
}

// Adds as many rows of a sequence as there is room for, until there are `most_rows`.
void StepRows::collect_from(Sequences::iterator it, std::int64_t most_rows) {
  Sequence& sequence = *it;
  const std::int64_t room = room_for(sequence, most_rows);
  if (room <= 0) return;
  const std::int64_t wanted = rows_wanted(sequence);
  const std::int64_t count = rows_that_fit(sequence, wanted, room);
  if (count < 1) return;
  if (!model_.spec().causal && count < wanted) return;  // its tokens see each other
  const bool draws = count == sequence.pending() && sequence.request.max_tokens > 0;
  if (draws && rows_.outputs() == model_.limits().outputs) return;
  if (!queue_.reserve_pages(it, sequence.stored.computed + count)) return;
  fit_guesses(sequence, count, draws);
  parts_.push_back({it, rows_.rows(), count, sequence.rows_to_score(count), draws});
  add_rows(parts_.back());
  sequence.has_rows = true;
}

// How many more rows of a sequence fit into a step of `most_rows`. If the logprobs of the prompt
// are reported, each of its rows that is not reported yet needs logits, which are limited, too.
std::int64_t StepRows::room_for(const Sequence& sequence, std::int64_t most_rows) const {
  const std::int64_t room = most_rows - rows_.rows();
  if (sequence.rows_to_score(room) == 0) return room;
  const std::int64_t told_of = sequence.scored - sequence.stored.computed;
  return std::min(room, told_of + model_.limits().outputs - rows_.outputs());
}

// A non-causal prompt is computed in one step, then its text token by token, also after preemption;
// else prompt tokens would see the text. (Those of an input never do.)
std::int64_t StepRows::rows_wanted(const Sequence& sequence) const {
  const ModelSpec& spec = model_.spec();
  if (spec.causal || spec.input.layers > 0) return sequence.pending();
  return sequence.stored.computed == 0 ? std::ssize(sequence.request.prompt) : 1;
}

// How many of the `wanted` rows can be computed now, if `room` rows fit. A picture that must
// come whole may take more room than prompts should, lest it waits forever.
std::int64_t StepRows::rows_that_fit(const Sequence& sequence, std::int64_t wanted,
                                     std::int64_t room) const {
  const StoredSequence& stored = sequence.stored;
  const auto ready = [&](std::int64_t count) {
    return sequence.media.rows_ready(stored.computed, count);
  };
  const std::int64_t count =
      ready(queue_.cache().rows_to_checkpoint(stored, std::min(wanted, room)));
  if (count > 0) return count;
  return ready(std::min(wanted, model_.limits().rows - rows_.rows()));
}

// Leaves out guesses for which there are no rows, or no pages without taking some from others.
void StepRows::fit_guesses(Sequence& sequence, std::int64_t rows, bool draws) {
  auto& guesses = sequence.guesses;
  if (guesses.empty()) return;
  SequenceCache& cache = queue_.cache();
  const std::int64_t before = sequence.stored.computed + rows;
  cache.reserve(sequence.stored, before + std::ssize(guesses));
  std::int64_t room = std::min({model_.limits().rows - rows_.rows() - rows,
                                model_.limits().outputs - rows_.outputs() - 1,
                                std::ssize(sequence.stored.pages) * kPageTokens - before});
  if (cache.has_states()) {
    room = std::min(room, model_.trial_rows() - rows_.trial_rows() - rows);
  }
  guesses.resize(
      std::min(guesses.size(), static_cast<std::size_t>(std::max<std::int64_t>(room, 0))));
  if (!draws || (!guesses.empty() && !cache.begin_trial(sequence.stored))) guesses.clear();
}

void StepRows::add_rows(const StepPart& part) {
  const Sequence& sequence = *part.sequence;
  const StoredSequence& stored = sequence.stored;
  const std::int64_t count = part.rows, end = stored.computed + count;
  if (sequence.request.on_hidden || queue_.reads_hidden()) rows_.keep_hidden();
  for (const GivenRows& rows : sequence.media.given(stored.computed, count, rows_.rows())) {
    rows_.add_given(rows);
  }
  const std::int64_t all = count + std::ssize(sequence.guesses);
  rows_.add_sequence(stored, stored.computed, all, sequence.input_tokens);
  rows_.adapt(sequence.request.adapter_strengths);
  if (stored.kept_slot) rows_.put_on_trial(all);
  for (std::int64_t i = stored.computed; i < end; ++i) {
    const TokenId token = sequence.tokens[i];
    const bool is_given = token >= model_.spec().vocabulary;
    const bool is_scored = i >= sequence.scored && i < sequence.scored + part.scores;
    rows_.add_row(is_given ? 0 : token, is_scored || (part.draws && i + 1 == end));
    rows_.place_row(sequence.media, i);
  }
  for (std::int64_t i = 0; i < std::ssize(sequence.guesses); ++i) {
    rows_.add_row(sequence.guesses[i], /*wants_logits=*/true);
    rows_.place_row(sequence.media, end + i);
  }
}

}  // namespace linnet
