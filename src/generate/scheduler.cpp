#include "generate/scheduler.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace linnet {

// The rows of one step, in the form that Batch refers to.
struct Scheduler::Rows {
  std::vector<std::int32_t> tokens, positions, sequences, outputs, lengths, states;
  std::vector<std::span<const std::int32_t>> page_tables;
  std::vector<std::list<Sequence>::iterator> owners;  // by index in page_tables
  std::vector<std::int64_t> counts;                   // rows of each owner
  std::vector<std::size_t> output_owners;             // owner of each output
  std::vector<bool> wants_hidden;                     // of each owner
  bool keeps_hidden = false;                          // of any

  Batch batch() const {
    return {tokens, {positions, sequences, page_tables, lengths, states}, outputs, keeps_hidden};
  }
};

Scheduler::Scheduler(Model& model, Backend& backend, SequenceMemory& memory)
    : model_(model),
      backend_(backend),
      memory_(memory),
      pool_(memory.pages),
      states_(memory.slots) {}

Scheduler::Sequence::Sequence(GenerateRequest wanted)
    : request(std::move(wanted)), chain(request.sampling), tokens(request.prompt) {}

void Scheduler::submit(GenerateRequest request) {
  request.sampling.min_tokens = request.min_tokens;
  request.sampling.end_tokens = request.stop_tokens;
  sequences_.emplace_back(std::move(request));
}

// Looks up what is known of the tokens; false if there is no memory to begin with.
bool Scheduler::start(Sequence& sequence) {
  if (sequence.started) return true;
  // The last prompt token is always computed, because its logits are needed.
  const std::span<const std::int32_t> cacheable(sequence.tokens.data(), sequence.tokens.size() - 1);
  // Hidden states are not in the cache.
  auto prefix = sequence.request.on_hidden ? PagePool::Prefix{} : pool_.find_prefix(cacheable);
  if (!has_room_for(sequence, prefix)) {
    for (const std::int32_t page : prefix.pages) pool_.release(page);
    return false;
  }
  std::size_t usable = prefix.pages.size();
  if (memory_.states) {
    const auto resumed = resume(sequence, prefix);
    usable = resumed.value_or(0);
    sequence.borders = {static_cast<std::int64_t>(prefix.pages.size()) * kPageTokens,
                        static_cast<std::int64_t>(cacheable.size() / kPageTokens) * kPageTokens};
    for (std::size_t i = usable; i < prefix.pages.size(); ++i) pool_.release(prefix.pages[i]);
    prefix.pages.resize(usable);
    prefix.hashes.resize(usable);
    if (!resumed) return false;
  }
  sequence.prefix_hash = prefix.hash();
  sequence.pages = std::move(prefix.pages);
  sequence.computed = static_cast<std::int64_t>(usable) * kPageTokens;
  sequence.started = true;
  if (sequence.request.on_start) {
    std::exchange(sequence.request.on_start, nullptr)(sequence.computed);
  }
  return true;
}

// Whether all its tokens find pages, and one more each for those that run: else it would soon be
// preempted, or make room for itself again and again.
bool Scheduler::has_room_for(const Sequence& sequence, const PagePool::Prefix& prefix) const {
  const auto running = std::count_if(sequences_.begin(), sequences_.end(),
                                     [](const Sequence& other) { return other.started; });
  const auto tokens = static_cast<std::int64_t>(sequence.tokens.size());
  const auto needed =
      (tokens + kPageTokens - 1) / kPageTokens - static_cast<std::int64_t>(prefix.pages.size());
  return running == 0 || needed + running <= pool_.free_pages();
}

// Gives the sequence a slot with the state of its longest prefix that has a checkpoint; the pages
// of that prefix, or nothing if all slots are running.
std::optional<std::size_t> Scheduler::resume(Sequence& sequence, const PagePool::Prefix& prefix) {
  std::optional<std::int32_t> checkpoint;
  std::size_t pages = prefix.pages.size();
  while (pages > 0 && !(checkpoint = states_.find(prefix.hashes[pages - 1]))) --pages;
  sequence.slot = states_.take(checkpoint);
  if (!sequence.slot) return std::nullopt;
  if (!checkpoint) {
    backend_.clear_state(*memory_.states, *sequence.slot);
  } else if (*checkpoint != *sequence.slot) {
    backend_.copy_state(*memory_.states, *checkpoint, *sequence.slot);
  }
  return pages;
}

// `rows`, or fewer where a checkpoint is to be made before.
std::int64_t Scheduler::rows_to_checkpoint(const Sequence& sequence, std::int64_t rows) const {
  for (const std::int64_t border : sequence.borders) {
    if (border > sequence.computed) return std::min(rows, border - sequence.computed);
  }
  return rows;
}

// Makes a checkpoint of the state if one is due.
void Scheduler::keep_state(Sequence& sequence) {
  if (!sequence.slot || sequence.computed % kPageTokens != 0) return;
  const auto& borders = sequence.borders;
  const bool in_prompt =
      sequence.computed < static_cast<std::int64_t>(sequence.request.prompt.size());
  if (in_prompt && std::find(borders.begin(), borders.end(), sequence.computed) == borders.end()) {
    return;
  }
  if (!in_prompt) {
    if (sequence.checkpoint) states_.forget(*sequence.checkpoint);
    sequence.checkpoint = sequence.prefix_hash;
  }
  if (const auto to = states_.remember(sequence.prefix_hash)) {
    backend_.copy_state(*memory_.states, *sequence.slot, *to);
  }
}

bool Scheduler::reserve_pages(Iterator sequence, std::int64_t tokens) {
  while (static_cast<std::int64_t>(sequence->pages.size()) * kPageTokens < tokens) {
    if (const auto page = pool_.take()) {
      sequence->pages.push_back(*page);
    } else if (!preempt_younger_than(sequence)) {
      return false;
    }
  }
  return true;
}

// The youngest one loses its memory and will start anew; false if there is none without rows in
// this step.
bool Scheduler::preempt_younger_than(Iterator sequence) {
  for (auto other = std::prev(sequences_.end()); other != sequence; --other) {
    if (!other->started || other->last_step == step_) continue;
    release_memory(*other);
    other->started = false;
    other->computed = 0;
    ++preemptions_;
    return true;
  }
  return false;
}

void Scheduler::release_memory(Sequence& sequence) {
  for (const std::int32_t page : sequence.pages) pool_.release(page);
  sequence.pages.clear();
  if (sequence.slot) states_.release(*sequence.slot);
  sequence.slot.reset();
}

void Scheduler::drop_cancelled() {
  for (auto it = sequences_.begin(); it != sequences_.end();) {
    const auto sequence = it++;
    const auto& is_cancelled = sequence->request.is_cancelled;
    if (is_cancelled && is_cancelled()) finish(sequence, FinishReason::kCancelled);
  }
}

Scheduler::Rows Scheduler::collect() {
  Rows rows;
  const std::int64_t room = model_.limits().rows;
  for (auto it = sequences_.begin(); it != sequences_.end(); ++it) {
    if (it->started && it->computed + 1 == static_cast<std::int64_t>(it->tokens.size())) {
      collect_from(it, room, rows);
    }
  }
  const auto texts = static_cast<std::int64_t>(rows.tokens.size());
  const std::int64_t most_rows = texts == 0 ? room : texts + std::min(prompt_rows_, room - texts);
  for (auto it = sequences_.begin(); it != sequences_.end(); ++it) {
    if (it->last_step == step_) continue;
    if (!start(*it)) break;  // those behind it wait, too
    collect_from(it, most_rows, rows);
  }
  last_step_size_ = {texts, static_cast<std::int64_t>(rows.tokens.size()) - texts};
  return rows;
}

// Adds as many rows of a sequence as there is room for, until there are `most_rows`.
void Scheduler::collect_from(Iterator it, std::int64_t most_rows, Rows& rows) {
  Sequence& sequence = *it;
  const auto room = most_rows - static_cast<std::int64_t>(rows.tokens.size());
  if (room <= 0) return;
  const auto pending = static_cast<std::int64_t>(sequence.tokens.size()) - sequence.computed;
  const std::int64_t count = rows_to_checkpoint(sequence, std::min(pending, room));
  if (!model_.spec().causal && count < pending) return;  // its tokens see each other
  const bool completes = count == pending && !sequence.request.on_hidden;
  const auto outputs = static_cast<std::int64_t>(rows.outputs.size());
  if (completes && outputs == model_.limits().outputs) return;
  if (!reserve_pages(it, sequence.computed + count)) return;
  const auto owner = static_cast<std::int32_t>(rows.owners.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t position = sequence.computed + i;
    rows.tokens.push_back(sequence.tokens[position]);
    rows.positions.push_back(static_cast<std::int32_t>(position));
    rows.sequences.push_back(owner);
  }
  sequence.last_step = step_;
  rows.owners.push_back(it);
  rows.counts.push_back(count);
  rows.page_tables.emplace_back(sequence.pages);
  rows.lengths.push_back(static_cast<std::int32_t>(sequence.computed + count));
  if (sequence.slot) rows.states.push_back(*sequence.slot);
  rows.wants_hidden.push_back(static_cast<bool>(sequence.request.on_hidden));
  rows.keeps_hidden |= rows.wants_hidden.back();
  if (completes) {
    rows.outputs.push_back(static_cast<std::int32_t>(rows.tokens.size()) - 1);
    rows.output_owners.push_back(owner);
  }
}

Status Scheduler::step() {
  drop_cancelled();
  if (idle()) return {};
  ++step_;
  const Rows rows = collect();
  if (rows.tokens.empty()) return Error{"the KV cache is full and no sequence can go on"};
  const View logits = model_.forward(rows.batch(), *memory_.kv, memory_.states.get());
  logits_.resize(static_cast<std::size_t>(logits.rows * logits.columns));
  backend_.download(logits, logits_.data());
  for (std::size_t i = 0; i < rows.owners.size(); ++i) advance(*rows.owners[i], rows.counts[i]);
  for (std::size_t i = 0; i < rows.output_owners.size(); ++i) {
    const std::span<float> row(logits_.data() + i * logits.columns,
                               static_cast<std::size_t>(logits.columns));
    draw(rows.owners[rows.output_owners[i]], row);
  }
  if (rows.keeps_hidden) give_hidden(rows);
  return {};
}

void Scheduler::give_hidden(const Rows& rows) {
  View states = model_.hidden();
  for (std::size_t i = 0; i < rows.owners.size(); ++i) {
    const Iterator sequence = rows.owners[i];
    const std::int64_t count = rows.counts[i];
    if (rows.wants_hidden[i]) {
      hidden_.resize(static_cast<std::size_t>(count * states.columns));
      backend_.download(states.first_rows(count), hidden_.data());
      sequence->request.on_hidden(sequence->computed - count, hidden_);
      if (sequence->computed == std::ssize(sequence->tokens)) finish(sequence, FinishReason::kStop);
    }
    states.data = states.row(count);
  }
}

void Scheduler::draw(Iterator sequence, std::span<float> logits) {
  const GenerateRequest& request = sequence->request;
  std::optional<TokenLogprobs> logprobs;
  std::vector<float> given;  // by the model; the chain changes them
  if (request.top_logprobs >= 0 && request.on_logprobs) {
    logprobs = top_logprobs(logits, request.top_logprobs);
    given.assign(logits.begin(), logits.end());
  }
  const auto token = sequence->chain.draw(logits, {sequence->tokens, sequence->drawn});
  const auto& stops = request.stop_tokens;
  if (!token || std::find(stops.begin(), stops.end(), *token) != stops.end()) {
    finish(sequence, FinishReason::kStop);
    return;
  }
  sequence->tokens.push_back(*token);
  ++sequence->drawn;
  if (logprobs) {
    logprobs->chosen = {*token, given[*token] - log_sum_exp(given)};
    request.on_logprobs(*logprobs);
  }
  if (request.on_token && !request.on_token(*token)) {
    finish(sequence, FinishReason::kCancelled);
  } else if (sequence->drawn == request.max_tokens) {
    finish(sequence, FinishReason::kLength);
  }
}

void Scheduler::advance(Sequence& sequence, std::int64_t rows) {
  const std::int64_t before = sequence.computed / kPageTokens;
  sequence.computed += rows;
  const std::span<const std::int32_t> tokens(sequence.tokens);
  for (std::int64_t page = before; page < sequence.computed / kPageTokens; ++page) {
    sequence.prefix_hash =
        pool_.remember(sequence.prefix_hash, tokens.subspan(page * kPageTokens, kPageTokens),
                       sequence.pages[page]);
  }
  keep_state(sequence);
}

void Scheduler::finish(std::list<Sequence>::iterator sequence, FinishReason reason) {
  const auto on_finish = std::move(sequence->request.on_finish);
  release_memory(*sequence);
  sequences_.erase(sequence);
  if (on_finish) on_finish(reason);
}

}  // namespace linnet
