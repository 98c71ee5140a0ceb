#include "generate/scheduler.hpp"

#include <algorithm>

#include "formats/magnitude.hpp"
#include "generate/step/draw_token.hpp"

namespace linnet {

Scheduler::Scheduler(Model& model, Backend& backend, SequenceMemory& memory,
                     std::unique_ptr<Drafter> drafter)
    : model_(model),
      backend_(backend),
      queue_(model, backend, memory, std::move(drafter)),
      rows_(model, queue_),
      logits_(backend) {}

Status Scheduler::step() {
  last_step_size_ = {};
  drop_cancelled();
  if (idle()) return {};
  if (Status status = rows_.choose(); !status) return status;
  last_step_size_ = rows_.size();
  const bool has_parts = !rows_.parts().empty();
  if (has_parts) {
    if (Status status = compute(); !status) return status;
  }
  last_step_size_.encodes_medium = encode_medium();
  if (has_parts || last_step_size_.encodes_medium) return {};
  return Error{"the KV cache is full and no sequence can go on"};
}

void Scheduler::drop_cancelled() {
  Sequences& sequences = queue_.sequences();
  for (auto it = sequences.begin(); it != sequences.end();) {
    const auto sequence = it++;
    const auto& is_cancelled = sequence->request.is_cancelled;
    if (is_cancelled && is_cancelled()) queue_.finish(sequence, FinishReason::kCancelled);
  }
}

void Scheduler::drop_all() {
  rows_.clear();
  queue_.drop_all();
}

// Evaluates the rows of this step, and draws.
Status Scheduler::compute() {
  for (const StepPart& part : rows_.parts()) queue_.cache().begin_rows(part.sequence->stored);
  const View logits = model_.forward(rows_.batch(), queue_.cache().kv(), queue_.cache().states());
  logits_.clear();
  for (const StepPart& part : rows_.parts()) state_needs(part);
  logits_.read(logits);
  if (Status status = model_.status(); !status) return status;
  if (queue_.reads_hidden()) {
    for (const StepPart& part : rows_.parts()) tell_drafter(part);
  }
  std::int64_t output = 0;
  accepted_.clear();
  for (const StepPart& part : rows_.parts()) {
    const bool gives_hidden = part.sequence->request.on_hidden != nullptr;
    output += take_results(part, output);
    if (!gives_hidden) continue;
    if (Status status = give_hidden(part); !status) return status;
  }
  return redo_accepted();
}

// Goes on with the first picture or sound that a prompt waits for; false if none does.
bool Scheduler::encode_medium() {
  Sequences& sequences = queue_.sequences();
  for (auto it = sequences.begin(); it != sequences.end(); ++it) {
    if (!it->started) continue;
    const auto piece = it->media.next_without_rows(it->stored.computed);
    if (!piece) continue;
    auto rows = queue_.encoder().advance({it->id, *piece}, it->media.piece(*piece));
    if (!rows) {
      queue_.finish(it, rows.error());
    } else if (*rows) {
      it->media.give_rows(*piece, std::move(**rows));
    }
    return true;
  }
  return false;
}

void Scheduler::tell_drafter(const StepPart& part) {
  const Sequence& sequence = *part.sequence;
  if (sequence.request.on_hidden) return;
  const std::int64_t rows = part.rows + std::ssize(sequence.guesses);
  queue_.drafter()->observe({sequence.id, sequence.tokens, sequence.stored.computed, part.first_row,
                             rows, sequence.media.empty() ? nullptr : &sequence.media});
}

// Says what the rows of a part are needed for: the first by what the chain knows now. The rows
// after guesses are drawn from when the text has changed.
void Scheduler::state_needs(const StepPart& part) {
  Sequence& sequence = *part.sequence;
  LogitNeeds needs;
  needs.all = true;
  for (std::int64_t i = 0; i < part.scores; ++i) logits_.add_row(needs);
  if (!part.draws) return;
  needs.all = !logits_.picks() || sequence.request.top_logprobs >= 0;
  if (!needs.all) needs = sequence.chain.needs({sequence.text(), sequence.drawn});
  logits_.add_row(needs);
  needs.all |= needs.depends_on_text;
  for (std::size_t i = 0; i < sequence.guesses.size(); ++i) logits_.add_row(needs);
}

// Tells of the prompt's tokens and draws from the logits of a part; gives the number of their rows.
std::int64_t Scheduler::take_results(const StepPart& part, std::int64_t first_output) {
  Sequence& sequence = *part.sequence;
  SequenceCache& cache = queue_.cache();
  const auto guesses = std::exchange(sequence.guesses, {});
  // If there are states, which can't go back by single tokens, draw() knows which rows stay.
  const bool on_trial = sequence.stored.kept_slot.has_value();
  if (!on_trial) cache.advance(sequence.stored, sequence.tokens, part.rows);
  sequence.media.drop_rows(sequence.stored.computed);
  if (sequence.drawn == 0 && sequence.request.on_prompt) {
    sequence.request.on_prompt(sequence.stored.computed);
  }
  const std::int64_t drawn_from = part.draws ? 1 + std::ssize(guesses) : 0;
  if (const Status scored = score(part, first_output); !scored) {
    queue_.finish(part.sequence, scored.error());
  } else if (part.draws) {
    draw(part, guesses, first_output + part.scores);
  } else if (!sequence.request.on_hidden && sequence.is_done()) {
    queue_.finish(part.sequence, FinishReason::kLength);
  }
  return part.scores + drawn_from;
}

Status Scheduler::score(const StepPart& part, std::int64_t first_output) {
  for (std::int64_t i = 0; i < part.scores; ++i) {
    Status status = score_prompt_token(*part.sequence, logits_.row(first_output + i));
    if (!status) return status;
  }
  return {};
}

// Draws tokens for as long as they are what was guessed, and one more.
void Scheduler::draw(const StepPart& part, std::span<const TokenId> guesses,
                     std::int64_t first_output) {
  Sequence& sequence = *part.sequence;
  SequenceCache& cache = queue_.cache();
  const bool on_trial = sequence.stored.kept_slot.has_value();
  const std::int64_t guessed = std::ssize(guesses);
  speculation_.guessed += guessed;
  std::int64_t accepted = 0;
  for (;; ++accepted) {
    if (const auto ending = draw_token(sequence, logits_.row(first_output + accepted))) {
      return queue_.finish(part.sequence, *ending);
    }
    if (accepted == guessed || sequence.tokens.back() != guesses[accepted]) break;
    ++speculation_.accepted;
    if (!on_trial) cache.advance(sequence.stored, sequence.tokens, 1);
  }
  if (guessed > 0) queue_.drafter()->report(sequence.id, guessed, accepted);
  if (!on_trial) return;
  const bool all_right = accepted == guessed;
  const std::int64_t rows = part.rows + accepted;
  cache.end_trial(sequence.stored, all_right);
  if (all_right) return cache.advance(sequence.stored, sequence.tokens, rows);
  accepted_.push_back({&sequence, {part.first_row, rows, *sequence.stored.slot}});
}

// The states that went back go through the rows that stay.
Status Scheduler::redo_accepted() {
  if (accepted_.empty()) return {};
  SequenceCache& cache = queue_.cache();
  redone_.clear();
  for (const auto& [sequence, rows] : accepted_) {
    cache.begin_rows(sequence->stored);
    redone_.push_back(rows);
  }
  model_.redo(redone_, *cache.states());
  if (Status status = model_.status(); !status) return status;  // before others may go on from them
  for (const auto& [sequence, rows] : accepted_) {
    cache.advance(sequence->stored, sequence->tokens, rows.count);
  }
  return {};
}

// Reports the hidden states of a part, of which nothing is drawn.
Status Scheduler::give_hidden(const StepPart& part) {
  Sequence& sequence = *part.sequence;
  View states = model_.hidden();
  states.data = states.row(part.first_row);
  hidden_.resize(static_cast<std::size_t>(part.rows * states.columns));
  backend_.download(states.first_rows(part.rows), hidden_.data());
  if (Status status = model_.status(); !status) return status;
  if (!formats::are_finite(hidden_)) {
    queue_.finish(part.sequence, no_numbers("hidden states", sequence.stored.computed));
    return {};
  }
  sequence.request.on_hidden(sequence.stored.computed - part.rows, hidden_);
  if (sequence.pending() == 0) queue_.finish(part.sequence, FinishReason::kStop);
  return {};
}

}  // namespace linnet
