#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "generate/media/medium_encoder.hpp"
#include "generate/speculation/drafter.hpp"
#include "generate/step/sequence.hpp"

namespace linnet {

/// The sequences of a scheduler, and what keeps something of them as long as they are there: the
/// cache, the drafter and the encoder of pictures and sounds. Belongs to one thread.
class SequenceQueue {
 public:
  /// The model, its backend and the memory must outlive the queue. `drafter` may be null.
  SequenceQueue(const Model& model, Backend& backend, SequenceMemory& memory,
                std::unique_ptr<Drafter> drafter);

  /// See Scheduler::encode_media_with.
  void encode_media_with(MediaModels models) { encoder_.emplace(models); }

  Sequences& sequences() { return sequences_; }
  const Sequences& sequences() const { return sequences_; }
  SequenceCache& cache() { return cache_; }
  const SequenceCache& cache() const { return cache_; }
  Drafter* drafter() { return drafter_.get(); }
  bool reads_hidden() const { return drafter_ && drafter_->reads_hidden(); }
  MediumEncoder& encoder() { return *encoder_; }
  /// How often a sequence had to give up its pages.
  std::int64_t preemptions() const { return preemptions_; }

  void add(GenerateRequest request);
  /// Forgets a sequence and tells how it ended.
  void finish(Sequences::iterator sequence, const Result<FinishReason>& ending);
  /// Forgets all, and tells nobody.
  void drop_all();

  /// Whether an older prompt that is being computed will soon have more in common with this one.
  bool waits_for_older(const Sequence& sequence);
  /// Finds out what is known of the tokens; false if there is no memory to begin with, which is not
  /// tried again before some was released.
  bool start(Sequence& sequence);
  /// Makes room for `tokens` tokens in all. Younger ones without rows in this step lose their
  /// memory for it, and will start anew; false if that is not enough.
  bool reserve_pages(Sequences::iterator sequence, std::int64_t tokens);

 private:
  bool preempt_younger_than(Sequences::iterator sequence);
  void release(Sequence& sequence);

  const Model& model_;
  SequenceCache cache_;
  std::unique_ptr<Drafter> drafter_;
  std::optional<MediumEncoder> encoder_;
  Sequences sequences_;
  std::uint64_t next_id_ = 0;
  std::int64_t releases_ = 0;  // of sequences' memory
  std::int64_t preemptions_ = 0;
};

}  // namespace linnet
