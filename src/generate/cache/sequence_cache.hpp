#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/backend.hpp"
#include "base/token_id.hpp"
#include "generate/cache/page_pool.hpp"
#include "generate/cache/state_pool.hpp"

namespace linnet {

/// The memory of all sequences: a KV cache of `pages` pages and, for models that have it, recurrent
/// state in `slots` slots.
struct SequenceMemory {
  std::unique_ptr<KvStore> kv;
  std::int64_t pages = 0;
  std::unique_ptr<StateStore> states;  ///< null for models of attention alone
  std::int64_t slots = 0;
};

/// What is stored of a running sequence.
struct StoredSequence {
  std::vector<std::int32_t> pages;
  std::int64_t computed = 0;         ///< tokens whose keys, values and state are stored
  std::optional<std::int32_t> slot;  ///< of its recurrent state, which stands after `computed`

  std::uint64_t prefix_hash = empty_prefix_hash();  ///< of its full pages
  std::int64_t prompt_tokens = 0;                   ///< that it began with
  std::vector<std::int64_t> borders;        ///< where to make checkpoints in the prompt, ascending
  std::optional<std::uint64_t> checkpoint;  ///< the latest one after the prompt
  std::optional<std::int32_t> kept_slot;    ///< the state before a trial
  bool is_moving = false;  ///< rows are being computed: nobody knows where the state stands
};

/// A beginning of a sequence outside the cache, as KvStore and StateStore export it.
struct SequenceImage {
  std::vector<TokenId> tokens;
  std::span<const std::byte> pages;        ///< one after the other; the last need not be full
  std::vector<std::int64_t> state_tokens;  ///< after how many tokens each state is, ascending
  std::span<const std::byte> states;       ///< one after the other
};

/// Keys and values of sequences in pages, and their recurrent state in slots. What a sequence has
/// in common with earlier ones, or with one that runs, is not computed again: keys and values token
/// by token (a page that both go on in is copied), recurrent state from checkpoints. Those are made
/// before the last token of each prompt, where a prompt leaves what others have in common with it,
/// at the latest page border of a text that is being generated, and where a sequence ends. Belongs
/// to one thread.
class SequenceCache {
 public:
  /// Backend and memory must outlive the cache. Without `reuses` no sequence begins with what is
  /// known: for models whose keys depend on later tokens.
  SequenceCache(Backend& backend, SequenceMemory& memory, bool reuses);

  /// Begins with the longest known part of `tokens` after `root`, an empty_prefix_hash(), at most
  /// `most_known` of them. False, and nothing has changed, if there is no memory to go on next to
  /// `running` other sequences.
  bool start(std::span<const TokenId> tokens, std::uint64_t root, std::int64_t most_known,
             std::int64_t running, StoredSequence& sequence);
  /// Makes room for `tokens` tokens in all; false if not all pages could be had.
  bool reserve(StoredSequence& sequence, std::int64_t tokens);
  /// `rows`, or fewer if a checkpoint is to be made before.
  std::int64_t rows_to_checkpoint(const StoredSequence& sequence, std::int64_t rows) const;
  /// Wants a checkpoint after `tokens` tokens of the prompt.
  void add_border(StoredSequence& sequence, std::int64_t tokens) const;
  /// Rows are about to be computed, of which advance() or end_trial() will tell. A sequence that
  /// ends before that leaves no state behind.
  void begin_rows(StoredSequence& sequence) const { sequence.is_moving = true; }
  /// `rows` more of `tokens` were computed.
  void advance(StoredSequence& sequence, std::span<const TokenId> tokens, std::int64_t rows);
  /// The sequence needs its memory no more; what is stored of `tokens` is kept for later ones.
  void end(StoredSequence& sequence, std::span<const TokenId> tokens);

  /// Keeps the state before rows are computed that may have to be taken back; false if there is no
  /// slot for it.
  bool begin_trial(StoredSequence& sequence);
  /// Ends the trial. Unless the rows stay, of which advance() will tell, the state (in another
  /// slot) is that before them.
  void end_trial(StoredSequence& sequence, bool rows_stay);

  /// The pages and states that hold a beginning of a sequence.
  struct Known {
    PagePool::Prefix prefix;
    std::vector<StatePool::Checkpoint> checkpoints;
  };
  /// The longest known beginning of `tokens` after `root`, an empty_prefix_hash(); held until it
  /// is released.
  Known hold(std::span<const TokenId> tokens, std::uint64_t root = empty_prefix_hash());
  void release(const Known& known) { pool_.release(known.prefix); }
  /// Remembers what `image` holds after `root`, as far as there is room; returns the number of
  /// tokens that can be found again.
  std::int64_t restore(const SequenceImage& image, std::uint64_t root = empty_prefix_hash());

  bool has_states() const { return memory_.states != nullptr; }
  std::int64_t pages() const { return pool_.pages(); }
  std::int64_t free_pages() const { return pool_.free_pages(); }
  /// See Backend::status.
  Status backend_status() { return backend_.status(); }
  KvStore& kv() { return *memory_.kv; }
  StateStore* states() { return memory_.states.get(); }

 private:
  bool begin_with(const PagePool::Prefix& prefix, std::span<const TokenId> tokens,
                  std::int64_t running, StoredSequence& sequence);
  bool take_slot(const std::optional<StatePool::Checkpoint>& checkpoint, StoredSequence& sequence);
  void remember_pages(StoredSequence& sequence, std::span<const TokenId> tokens, std::int64_t end);
  void keep_state(StoredSequence& sequence, std::span<const TokenId> tokens);
  std::int64_t restore_states(const SequenceImage& image, std::int64_t tokens, std::uint64_t root);

  Backend& backend_;
  SequenceMemory& memory_;
  const bool reuses_;
  PagePool pool_;
  StatePool states_;
};

}  // namespace linnet
