#include "serve/engines/engine_room.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/checked.hpp"
#include "serve/engines/generation.hpp"

namespace linnet::serve {
namespace {

// How often who waits looks whether others have nothing to do any more, and whether it is wanted.
constexpr std::chrono::milliseconds kLook{20};

}  // namespace

// A guest in the queue, as long as this. For the first one others may have been asked to leave,
// which then is over.
class EngineRoom::Waiting {
 public:
  Waiting(EngineRoom& room, Guest& guest) : room_(room), guest_(guest) {
    room_.queue_.push_back(&guest);
  }
  ~Waiting() {
    if (room_.queue_.front() == &guest_) {
      for (Inside& other : room_.inside_) {
        if (std::exchange(other.is_leaving, false)) other.guest->set_leaving(false);
      }
    }
    std::erase(room_.queue_, &guest_);
    room_.changed_.notify_all();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  EngineRoom& room_;  // which is locked when this begins and ends
  Guest& guest_;
};

Status EngineRoom::enter(Guest& guest) {
  std::unique_lock lock(mutex_);
  const Waiting waiting(*this, guest);
  Status status = wait_for_place(guest, lock);
  if (status) inside_.push_back({&guest, std::nullopt});
  return status;
}

void EngineRoom::settle(const Guest& guest) {
  const std::lock_guard lock(mutex_);
  for (Inside& inside : inside_) {
    if (inside.guest == &guest) inside.settled = Clock::now();
  }
}

void EngineRoom::leave(const Guest& guest) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(inside_, [&](const Inside& inside) { return inside.guest == &guest; });
  }
  changed_.notify_all();
}

Status EngineRoom::wait_for_place(Guest& guest, std::unique_lock<std::mutex>& lock) {
  const auto end = Clock::now() + limits_.most_wait;
  while (guest.is_wanted()) {
    Status status = Error{fmt::format("the model {} waits behind others", guest.name())};
    if (queue_.front() == &guest) {
      status = check(guest);
      if (status || inside_.empty()) return status;
      make_room();
    }
    if (Clock::now() >= end) return too_long(status.error());
    changed_.wait_for(lock, kLook);
  }
  return Error{"nobody waits for the model any more", kNotWanted};
}

Status EngineRoom::check(const Guest& guest) const {
  if (inside_.size() >= limits_.most_loaded) {
    return Error{fmt::format("the model {} is not in memory, where at most {} may be", guest.name(),
                             limits_.most_loaded)};
  }
  EnginesInMemory others{inside_.size()};
  for (const Inside& inside : inside_) {
    others.bytes = saturating_add(others.bytes, inside.guest->bytes());
  }
  return guest.check_memory(others);
}

// Of those that are idle the one with the longest pause; else the one that has been there longest,
// and long enough. Null if there is none.
EngineRoom::Inside* EngineRoom::next_to_leave() {
  Inside *idle = nullptr, *oldest = nullptr;
  for (Inside& inside : inside_) {
    if (!inside.settled) continue;
    if (!oldest || inside.settled < oldest->settled) oldest = &inside;
    if (inside.guest->is_busy()) continue;
    if (!idle || inside.guest->last_used() < idle->guest->last_used()) idle = &inside;
  }
  if (idle) return idle;
  return oldest && Clock::now() - *oldest->settled >= limits_.least_stay ? oldest : nullptr;
}

// One leaves at a time: perhaps that is enough. While one that is busy comes to its end, another
// one that has become idle goes first.
void EngineRoom::make_room() {
  const bool one_goes = std::ranges::any_of(
      inside_, [](const Inside& inside) { return inside.is_leaving && !inside.guest->is_busy(); });
  if (one_goes) return;
  Inside* const next = next_to_leave();
  if (!next || next->is_leaving) return;
  next->is_leaving = true;
  next->guest->set_leaving(true);
}

Error EngineRoom::too_long(const Error& reason) const {
  std::string names;
  for (const Inside& inside : inside_) {
    names += (names.empty() ? "" : ", ") + std::string(inside.guest->name());
  }
  return Error{fmt::format("{}; those that are there were busy for {} s: {}", reason.message,
                           limits_.most_wait.count() / 1000, names),
               kModelsBusy};
}

}  // namespace linnet::serve
