#include "generate/step/sequence_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace linnet {

SequenceQueue::SequenceQueue(const Model& model, Backend& backend, SequenceMemory& memory,
                             std::unique_ptr<Drafter> drafter)
    : model_(model), cache_(backend, memory, model.spec().causal), drafter_(std::move(drafter)) {}

void SequenceQueue::add(GenerateRequest request) {
  request.sampling.min_tokens = request.min_tokens;
  request.sampling.end_tokens = request.stop_tokens;
  const std::vector<TokenId>& banned = model_.spec().banned_tokens;
  request.sampling.banned_tokens.insert(request.sampling.banned_tokens.end(), banned.begin(),
                                        banned.end());
  sequences_.emplace_back(std::move(request), next_id_++, model_.spec());
}

void SequenceQueue::finish(Sequences::iterator sequence, const Result<FinishReason>& ending) {
  const auto on_finish = std::move(sequence->request.on_finish);
  if (drafter_) {
    drafter_->read_rest(sequence->id, sequence->tokens);
    drafter_->end(sequence->id, sequence->tokens);
  }
  release(*sequence);
  sequences_.erase(sequence);
  if (on_finish) on_finish(ending);
}

void SequenceQueue::drop_all() {
  for (Sequence& sequence : sequences_) {
    if (drafter_) drafter_->end(sequence.id, sequence.tokens);
    release(sequence);
  }
  sequences_.clear();
}

bool SequenceQueue::waits_for_older(const Sequence& sequence) {
  const std::int64_t most_known = sequence.most_known();
  if (!model_.spec().causal || most_known < kPageTokens) return false;
  for (Sequence& older : sequences_) {
    if (&older == &sequence) break;
    if (!older.started || older.stored.computed >= older.stored.prompt_tokens) continue;
    if (older.request.adapter_strengths != sequence.request.adapter_strengths) continue;
    const auto common = std::mismatch(sequence.tokens.begin(), sequence.tokens.begin() + most_known,
                                      older.tokens.begin(), older.tokens.end());
    const std::int64_t shared = common.first - sequence.tokens.begin();
    if (shared < kPageTokens || shared <= older.stored.computed) continue;
    cache_.add_border(older.stored, shared);
    return true;
  }
  return false;
}

bool SequenceQueue::start(Sequence& sequence) {
  if (sequence.refused_after == releases_) return false;
  const auto running = std::ranges::count_if(sequences_, &Sequence::started);
  const std::uint64_t root = empty_prefix_hash(sequence.request.adapter_strengths);
  if (!cache_.start(sequence.tokens, root, sequence.most_known(), running, sequence.stored)) {
    sequence.refused_after = releases_;
    return false;
  }
  sequence.started = true;
  if (sequence.request.on_start) {
    std::exchange(sequence.request.on_start, nullptr)(sequence.stored.computed);
  }
  return true;
}

bool SequenceQueue::reserve_pages(Sequences::iterator sequence, std::int64_t tokens) {
  while (!cache_.reserve(sequence->stored, tokens)) {
    if (!preempt_younger_than(sequence)) return false;
  }
  return true;
}

// The youngest one.
bool SequenceQueue::preempt_younger_than(Sequences::iterator sequence) {
  for (auto other = std::prev(sequences_.end()); other != sequence; --other) {
    if (!other->started || other->has_rows) continue;
    release(*other);
    other->started = false;
    ++preemptions_;
    return true;
  }
  return false;
}

void SequenceQueue::release(Sequence& sequence) {
  cache_.end(sequence.stored, sequence.tokens);
  if (encoder_) encoder_->drop(sequence.id);
  ++releases_;
}

}  // namespace linnet
