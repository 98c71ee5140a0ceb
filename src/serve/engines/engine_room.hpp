#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace linnet::serve {

/// Engines that are in memory, or about to be loaded.
struct EnginesInMemory {
  std::size_t count = 0;
  std::int64_t bytes = 0;  ///< of the machine's memory that they were given, touched or not
};

/// Decides whose engines are in memory. Models come in in the order in which they ask. If there is
/// no room, one that has nothing to do leaves, the least recently used first. If all have
/// something to do, the one that has been there longest leaves when it has been there for a while
/// and what it has begun has ended: so none waits forever. All members may be called from any
/// thread.
class EngineRoom {
 public:
  struct Limits {
    std::size_t most_loaded = std::numeric_limits<std::size_t>::max();
    std::chrono::milliseconds least_stay{30'000};  ///< of a model that has something to do
    std::chrono::milliseconds most_wait{300'000};  ///< for others to leave
  };
  using Clock = std::chrono::steady_clock;

  /// A model whose engine comes and goes. The room is locked when it calls these.
  class Guest {
   public:
    virtual ~Guest() = default;
    virtual std::string_view name() const = 0;
    /// Bytes of the machine's memory that its engine is given.
    virtual std::int64_t bytes() const = 0;
    /// An Error with the bytes needed and available if there is not enough memory beside `others`.
    virtual Status check_memory(const EnginesInMemory& others) const = 0;
    /// Whether it still wants to come in. Called from within enter().
    virtual bool is_wanted() = 0;
    /// Whether it has something to do.
    virtual bool is_busy() const = 0;
    virtual Clock::time_point last_used() const = 0;
    /// It is to begin nothing new, and to leave() when what it has begun has ended; or not any
    /// more.
    virtual void set_leaving(bool leaving) = 0;
  };

  explicit EngineRoom(const Limits& limits) : limits_(limits) {}

  /// Waits until there is room for the guest, which counts as being there from then on. An Error
  /// if even an empty room is too small, the others stay too long (kModelsBusy), or the guest is
  /// not wanted any more (kNotWanted).
  Status enter(Guest& guest);
  /// The guest has been loaded: from now on it can do something.
  void settle(const Guest& guest);
  void leave(const Guest& guest);

  static constexpr std::string_view kNotWanted = "not_wanted";  ///< the error's code

 private:
  struct Inside {
    Guest* guest;
    std::optional<Clock::time_point> settled;  // nothing: it is being loaded
    bool is_leaving = false;
  };
  class Waiting;
  Status wait_for_place(Guest& guest, std::unique_lock<std::mutex>& lock);
  Status check(const Guest& guest) const;
  Inside* next_to_leave();
  void make_room();
  Error too_long(const Error& reason) const;

  const Limits limits_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Guest*> queue_;    // who waits
  std::vector<Inside> inside_;  // who is in memory
};

}  // namespace linnet::serve
