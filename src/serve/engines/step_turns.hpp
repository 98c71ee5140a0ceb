#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace linnet::serve {

/// Turns of the engines of a server: one of them takes a step at a time, so that each step has all
/// cores, as if its engine were the only one. They take turns in the order in which they ask, so
/// that those with work take a step each in turn. All members may be called from any thread.
class StepTurns {
 public:
  /// A turn, which lasts as long as this.
  class Turn {
   public:
    /// Waits until it begins.
    explicit Turn(StepTurns& turns) : turns_(turns) { turns_.begin(); }
    ~Turn() { turns_.end(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    StepTurns& turns_;
  };

  /// How many wait for their turn.
  std::uint64_t waiting() const;

 private:
  void begin();
  void end();

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::uint64_t asked_ = 0;  // turns, so far
  std::uint64_t ended_ = 0;  // of them; the next one is under way, if it was asked for
};

}  // namespace linnet::serve
