#include "generate/scheduler.hpp"

#include <algorithm>

namespace linnet {

// The rows of one step, in the form that Batch refers to.
struct Scheduler::Rows {
  std::vector<std::int32_t> tokens, positions, sequences, outputs, lengths, states;
  std::vector<std::span<const std::int32_t>> page_tables;
  std::vector<std::list<Sequence>::iterator> owners;  // by index in page_tables
  std::vector<std::int64_t> counts;                   // rows of each owner
  std::vector<std::size_t> output_owners;             // owner of each output

  Batch batch() const {
    return {tokens, {positions, sequences, page_tables, lengths, states}, outputs};
  }
};

Scheduler::Scheduler(Model& model, Backend& backend, SequenceMemory& memory)
    : model_(model),
      backend_(backend),
      memory_(memory),
      pool_(memory.pages),
      states_(memory.slots) {}

void Scheduler::submit(GenerateRequest request) {
  Sequence sequence;
  sequence.tokens = request.prompt;
  sequence.request = std::move(request);
  sequences_.push_back(std::move(sequence));
}

// Looks up what is known of the prompt; false if there is no slot for the recurrent state.
bool Scheduler::start(Sequence& sequence) {
  if (sequence.started) return true;
  // The last prompt token is always computed, because its logits are needed.
  const std::span<const std::int32_t> cacheable(sequence.tokens.data(), sequence.tokens.size() - 1);
  auto prefix = pool_.find_prefix(cacheable);
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
  return true;
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

bool Scheduler::reserve_pages(Sequence& sequence, std::int64_t tokens) {
  while (static_cast<std::int64_t>(sequence.pages.size()) * kPageTokens < tokens) {
    const auto page = pool_.take();
    if (!page) return false;
    sequence.pages.push_back(*page);
  }
  return true;
}

Scheduler::Rows Scheduler::collect() {
  Rows rows;
  std::int64_t room = model_.limits().rows;
  for (auto it = sequences_.begin(); it != sequences_.end() && room > 0; ++it) {
    Sequence& sequence = *it;
    if (!start(sequence)) continue;
    const auto pending = static_cast<std::int64_t>(sequence.tokens.size()) - sequence.computed;
    const std::int64_t count = rows_to_checkpoint(sequence, std::min(pending, room));
    const bool completes = count == pending;
    if (completes && static_cast<std::int64_t>(rows.outputs.size()) == model_.limits().outputs) {
      continue;
    }
    if (!reserve_pages(sequence, sequence.computed + count)) continue;
    const auto owner = static_cast<std::int32_t>(rows.owners.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t position = sequence.computed + i;
      rows.tokens.push_back(sequence.tokens[position]);
      rows.positions.push_back(static_cast<std::int32_t>(position));
      rows.sequences.push_back(owner);
    }
    rows.owners.push_back(it);
    rows.counts.push_back(count);
    rows.page_tables.emplace_back(sequence.pages);
    rows.lengths.push_back(static_cast<std::int32_t>(sequence.computed + count));
    if (sequence.slot) rows.states.push_back(*sequence.slot);
    if (completes) {
      rows.outputs.push_back(static_cast<std::int32_t>(rows.tokens.size()) - 1);
      rows.output_owners.push_back(owner);
    }
    room -= count;
  }
  return rows;
}

Status Scheduler::step() {
  if (idle()) return {};
  const Rows rows = collect();
  if (rows.tokens.empty()) return Error{"the KV cache is full and no sequence can go on"};
  const View logits = model_.forward(rows.batch(), *memory_.kv, memory_.states.get());
  logits_.resize(static_cast<std::size_t>(logits.rows * logits.columns));
  backend_.download(logits, logits_.data());
  for (std::size_t i = 0; i < rows.owners.size(); ++i) advance(*rows.owners[i], rows.counts[i]);
  for (std::size_t i = 0; i < rows.output_owners.size(); ++i) {
    const auto owner = rows.owners[rows.output_owners[i]];
    const std::span<const float> row(logits_.data() + i * logits.columns,
                                     static_cast<std::size_t>(logits.columns));
    const std::int32_t token =
        pick(row, owner->request.sampling, static_cast<std::uint64_t>(owner->drawn));
    const auto& stops = owner->request.stop_tokens;
    if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
      finish(owner, FinishReason::kStop);
      continue;
    }
    owner->tokens.push_back(token);
    ++owner->drawn;
    if (owner->request.on_token && !owner->request.on_token(token)) {
      finish(owner, FinishReason::kCancelled);
    } else if (owner->drawn == owner->request.max_tokens) {
      finish(owner, FinishReason::kLength);
    }
  }
  return {};
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
  for (const std::int32_t page : sequence->pages) pool_.release(page);
  if (sequence->slot) states_.release(*sequence->slot);
  sequences_.erase(sequence);
  if (on_finish) on_finish(reason);
}

}  // namespace linnet
