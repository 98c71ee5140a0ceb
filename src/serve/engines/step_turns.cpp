#include "serve/engines/step_turns.hpp"

namespace linnet::serve {

std::uint64_t StepTurns::waiting() const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t open = asked_ - ended_;
  return open > 0 ? open - 1 : 0;
}

void StepTurns::begin() {
  std::unique_lock lock(mutex_);
  const std::uint64_t own = asked_++;
  changed_.wait(lock, [&] { return ended_ == own; });
}

void StepTurns::end() {
  {
    const std::lock_guard lock(mutex_);
    ++ended_;
  }
  changed_.notify_all();
}

}  // namespace linnet::serve
