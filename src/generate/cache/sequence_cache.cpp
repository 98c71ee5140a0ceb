#include "generate/cache/sequence_cache.hpp"

#include <algorithm>

#include "backend/kv_pages.hpp"

namespace linnet {
namespace {

// The tokens after the last full page.
std::span<const TokenId> tail_of(std::span<const TokenId> tokens) {
  return tokens.last(tokens.size() % kPageTokens);
}

// The pages of a prefix for as long as somebody looks at it.
class HeldPrefix {
 public:
  HeldPrefix(PagePool& pool, std::span<const TokenId> tokens, std::uint64_t root)
      : pool_(pool), prefix_(pool.find_prefix(tokens, root)) {}
  ~HeldPrefix() { pool_.release(prefix_); }
  HeldPrefix(const HeldPrefix&) = delete;
  HeldPrefix& operator=(const HeldPrefix&) = delete;

  const PagePool::Prefix& operator*() const { return prefix_; }

 private:
  PagePool& pool_;
  const PagePool::Prefix prefix_;
};

}  // namespace

SequenceCache::SequenceCache(Backend& backend, SequenceMemory& memory, bool reuses)
    : backend_(backend),
      memory_(memory),
      reuses_(reuses),
      pool_(memory.pages),
      states_(memory.slots) {}

bool SequenceCache::start(std::span<const TokenId> tokens, std::uint64_t root,
                          std::int64_t most_known, std::int64_t running, StoredSequence& sequence) {
  const HeldPrefix prefix(pool_, tokens.first(reuses_ ? static_cast<std::size_t>(most_known) : 0),
                          root);
  return begin_with(*prefix, tokens, running, sequence);
}

bool SequenceCache::begin_with(const PagePool::Prefix& prefix, std::span<const TokenId> tokens,
                               std::int64_t running, StoredSequence& sequence) {
  // Before anything is held, because memory may be out.
  sequence.pages.reserve(prefix.pages.size() + 1);
  sequence.borders.reserve(2);
  std::optional<StatePool::Checkpoint> checkpoint;
  std::int64_t usable = prefix.tokens();
  if (has_states()) {
    checkpoint = states_.find_longest(tokens.first(usable), prefix.root);
    usable = checkpoint ? checkpoint->tokens : 0;
  }
  // All its tokens should find pages, and one more each for those that run: else it would soon be
  // preempted, or make room for itself again and again.
  const std::int64_t needed = pages_for(std::ssize(tokens)) - usable / kPageTokens;
  if (running > 0 && needed + running > pool_.free_pages()) return false;

  std::optional<std::int32_t> copy;
  if (usable % kPageTokens > 0 && !(copy = pool_.take())) {
    usable = has_states() ? 0 : usable / kPageTokens * kPageTokens;
    checkpoint.reset();
  }
  if (!take_slot(checkpoint, sequence)) {
    if (copy) pool_.release(*copy);
    return false;
  }
  const std::int64_t full = usable / kPageTokens;
  sequence.pages.assign(prefix.pages.begin(), prefix.pages.begin() + full);
  for (const std::int32_t page : sequence.pages) pool_.hold(page);
  if (copy) {
    const std::int32_t source = full < std::ssize(prefix.pages) ? prefix.pages[full] : *prefix.tail;
    memory_.kv->copy_page(source, *copy);
    sequence.pages.push_back(*copy);
  }
  sequence.computed = usable;
  sequence.prefix_hash = full > 0 ? prefix.hashes[full - 1] : prefix.root;
  sequence.prompt_tokens = std::ssize(tokens);
  if (has_states() && reuses_) {
    sequence.borders = {prefix.tokens() / kPageTokens * kPageTokens, std::ssize(tokens) - 1};
  }
  return true;
}

// The slot holds the checkpoint's state, or that of a sequence without tokens.
bool SequenceCache::take_slot(const std::optional<StatePool::Checkpoint>& checkpoint,
                              StoredSequence& sequence) {
  if (!has_states()) return true;
  sequence.slot = states_.take(checkpoint ? std::optional(checkpoint->slot) : std::nullopt);
  if (!sequence.slot) return false;
  if (!checkpoint) {
    memory_.states->clear_slot(*sequence.slot);
  } else if (checkpoint->slot != *sequence.slot) {
    memory_.states->copy_slot(checkpoint->slot, *sequence.slot);
  }
  return true;
}

bool SequenceCache::reserve(StoredSequence& sequence, std::int64_t tokens) {
  auto& pages = sequence.pages;
  while (std::ssize(pages) * kPageTokens < tokens) {
    if (pages.size() == pages.capacity()) pages.reserve(2 * pages.size() + 1);
    const auto page = pool_.take();
    if (!page) return false;
    pages.push_back(*page);
  }
  return true;
}

std::int64_t SequenceCache::rows_to_checkpoint(const StoredSequence& sequence,
                                               std::int64_t rows) const {
  const auto next = std::ranges::upper_bound(sequence.borders, sequence.computed);
  return next == sequence.borders.end() ? rows : std::min(rows, *next - sequence.computed);
}

void SequenceCache::add_border(StoredSequence& sequence, std::int64_t tokens) const {
  if (!has_states()) return;
  const auto place = std::ranges::lower_bound(sequence.borders, tokens);
  if (place == sequence.borders.end() || *place != tokens) sequence.borders.insert(place, tokens);
}

void SequenceCache::advance(StoredSequence& sequence, std::span<const TokenId> tokens,
                            std::int64_t rows) {
  const std::int64_t before = sequence.computed, end = before + rows;
  if (reuses_) remember_pages(sequence, tokens, end);
  sequence.computed = end;
  sequence.is_moving = false;
  if (!reuses_) return;
  tokens = tokens.first(static_cast<std::size_t>(end));
  // Others with the same prompt may go on from here.
  const bool ends_prompt =
      before < sequence.prompt_tokens && sequence.computed >= sequence.prompt_tokens;
  const bool at_border = std::ranges::binary_search(sequence.borders, sequence.computed);
  if ((ends_prompt || at_border) && !tail_of(tokens).empty()) {
    pool_.remember(sequence.prefix_hash, tail_of(tokens),
                   sequence.pages[tokens.size() / kPageTokens]);
  }
  keep_state(sequence, tokens);
}

// Those that are full before `end`. If memory runs out amid them, the sequence stands after the
// last one that is remembered.
void SequenceCache::remember_pages(StoredSequence& sequence, std::span<const TokenId> tokens,
                                   std::int64_t end) {
  for (std::int64_t page = sequence.computed / kPageTokens; page < end / kPageTokens; ++page) {
    sequence.prefix_hash =
        pool_.remember(sequence.prefix_hash, tokens.subspan(page * kPageTokens, kPageTokens),
                       sequence.pages[page]);
    sequence.computed = (page + 1) * kPageTokens;
  }
}

// Makes a checkpoint of the state after `tokens` if one is due.
void SequenceCache::keep_state(StoredSequence& sequence, std::span<const TokenId> tokens) {
  if (!sequence.slot) return;
  const bool in_prompt = sequence.computed < sequence.prompt_tokens;
  const bool is_due = in_prompt ? std::ranges::binary_search(sequence.borders, sequence.computed)
                                : sequence.computed % kPageTokens == 0;
  if (!is_due) return;
  const std::uint64_t hash = extend_prefix_hash(sequence.prefix_hash, tail_of(tokens));
  if (!in_prompt) {
    if (sequence.checkpoint) states_.forget(*sequence.checkpoint);
    sequence.checkpoint = hash;
  }
  if (const auto to = states_.remember(sequence.computed, hash)) {
    memory_.states->copy_slot(*sequence.slot, *to);
  }
}

void SequenceCache::end(StoredSequence& sequence, std::span<const TokenId> tokens) {
  end_trial(sequence, /*rows_stay=*/false);
  tokens = tokens.first(static_cast<std::size_t>(sequence.computed));
  const bool keeps = reuses_ && !tokens.empty();
  std::uint64_t hash = sequence.prefix_hash;
  if (keeps && !tail_of(tokens).empty()) {
    hash = pool_.remember(hash, tail_of(tokens), sequence.pages[tokens.size() / kPageTokens]);
  }
  // The last page first: it is of no use without those before it.
  for (auto page = sequence.pages.rbegin(); page != sequence.pages.rend(); ++page) {
    pool_.release(*page);
  }
  if (sequence.slot && keeps && !sequence.is_moving) {
    states_.release_as_checkpoint({*sequence.slot, sequence.computed, hash});
  } else if (sequence.slot) {
    states_.release(*sequence.slot);
  }
  sequence = {};
}

bool SequenceCache::begin_trial(StoredSequence& sequence) {
  if (!sequence.slot) return true;
  sequence.kept_slot = states_.take();
  if (!sequence.kept_slot) return false;
  memory_.states->copy_slot(*sequence.slot, *sequence.kept_slot);
  return true;
}

void SequenceCache::end_trial(StoredSequence& sequence, bool rows_stay) {
  if (!sequence.kept_slot) return;
  if (!rows_stay) {
    std::swap(sequence.kept_slot, sequence.slot);
    sequence.is_moving = false;
  }
  states_.release(*sequence.kept_slot);
  sequence.kept_slot.reset();
}

SequenceCache::Known SequenceCache::hold(std::span<const TokenId> tokens, std::uint64_t root) {
  const HeldPrefix prefix(pool_, tokens, root);
  Known known{*prefix, states_.find(tokens.first((*prefix).tokens()), root)};
  pool_.hold(known.prefix);
  return known;
}

std::int64_t SequenceCache::restore(const SequenceImage& image, std::uint64_t root) {
  const auto page_bytes = static_cast<std::size_t>(memory_.kv->page_bytes());
  std::span<const TokenId> tokens(image.tokens);
  std::vector<std::int32_t> taken;
  taken.reserve(static_cast<std::size_t>(pages_for(std::ssize(tokens))));
  std::uint64_t hash = root;
  while (!tokens.empty()) {
    const auto page = pool_.take();
    if (!page) break;
    taken.push_back(*page);
    memory_.kv->import_page(*page,
                            image.pages.subspan((taken.size() - 1) * page_bytes, page_bytes));
    const auto held = tokens.first(std::min<std::size_t>(tokens.size(), kPageTokens));
    hash = pool_.remember(hash, held, *page);
    tokens = tokens.subspan(held.size());
  }
  for (auto page = taken.rbegin(); page != taken.rend(); ++page) pool_.release(*page);
  const std::int64_t restored = std::ssize(image.tokens) - std::ssize(tokens);
  return has_states() ? restore_states(image, restored, root) : restored;
}

// Those after at most `tokens` tokens; returns the tokens before the last one.
std::int64_t SequenceCache::restore_states(const SequenceImage& image, std::int64_t tokens,
                                           std::uint64_t root) {
  const auto slot_bytes = static_cast<std::size_t>(memory_.states->slot_bytes());
  std::int64_t restored = 0;
  std::uint64_t hash = root;
  for (std::size_t i = 0; i < image.state_tokens.size(); ++i) {
    const std::int64_t behind = image.state_tokens[i];  // they ascend
    if (behind > tokens) break;
    hash = extend_prefix_hash(hash, std::span(image.tokens).subspan(restored, behind - restored));
    if (const auto slot = states_.remember(behind, hash)) {
      memory_.states->import_slot(*slot, image.states.subspan(i * slot_bytes, slot_bytes));
    }
    restored = behind;
  }
  return restored;
}

}  // namespace linnet
