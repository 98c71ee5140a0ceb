#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>

#include "serve/engines/engine_room.hpp"
#include "serve/engines/generation.hpp"
#include "serve/engines/step_turns.hpp"

namespace linnet::serve {

/// How long a model stays in memory that leaves it only if another one needs the room.
inline constexpr auto kForever = std::chrono::milliseconds::max();

/// The settings of each engine, except for the room, which they share.
struct EngineLimits {
  std::size_t most_running = 32;  ///< texts generated side by side
  std::size_t most_waiting = 2048;
  /// Prompts are cut so that running texts wait about this long for their next token at most.
  std::chrono::milliseconds most_gap{200};
  /// Keeps what the prefix cache holds over restarts; empty: it is forgotten.
  std::filesystem::path cache_folder;
  /// Called once for each model, from the thread of its engine, with why a text can't be kept
  /// there; may be empty.
  std::function<void(std::string_view problem)> on_unsaved;
  EngineRoom::Limits room;
  /// A model that has had nothing to do for this long is unloaded, if a request says nothing
  /// else.
  std::chrono::milliseconds most_idle = kForever;
  std::function<EngineRoom::Clock::time_point()> now = EngineRoom::Clock::now;  ///< for that
  /// How often a model with nothing to do looks at `now`, if that is not the machine's clock.
  std::chrono::milliseconds look_at_clock = kForever;
};

/// What the engines of a server share.
struct SharedByEngines {
  /// Called from the threads of engines with what a step gave; has notify() of the texts called.
  /// If it throws, for want of memory, it is called again.
  using Deliver = std::function<void(const Notices& notices)>;

  SharedByEngines(const EngineLimits& given, Deliver given_deliver)
      : limits(given), deliver(std::move(given_deliver)), room(limits.room) {}

  const EngineLimits limits;
  const Deliver deliver;
  EngineRoom room;
  StepTurns turns;
};

}  // namespace linnet::serve
