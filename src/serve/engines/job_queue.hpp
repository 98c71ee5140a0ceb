#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "generate/generate_request.hpp"
#include "serve/engines/generation.hpp"

namespace linnet::serve {

/// A text that is to be generated.
struct Job {
  GenerateRequest request;  ///< without its callbacks
  std::shared_ptr<Generation> generation;
  std::uint64_t client = 0;  ///< ClientAccount::id; 0: a program of this machine without a key
};

/// How many texts of each client are being generated.
using RunningTexts = std::map<std::uint64_t, std::size_t>;

/// Jobs that wait for their turn, shared fairly between clients: the next job is of the client that
/// has the fewest texts running; among several such clients, the one that waits longest.
class JobQueue {
 public:
  explicit JobQueue(std::size_t most) : most_(most) {}

  std::size_t size() const { return jobs_.size(); }

  /// Takes all jobs of one client, or none if there is no room. The queue may exceed its size by
  /// `free_places`: that many jobs can begin at once. No client but 0 can take all room.
  bool push(std::vector<Job>& jobs, std::size_t free_places);
  /// How many texts of a client may wait.
  std::size_t room_of(std::uint64_t client) const;
  std::optional<Job> pop(const RunningTexts& running);
  /// Takes the jobs that nobody wants any more out of the queue.
  std::vector<Job> take_cancelled();
  std::vector<Job> take_all();

 private:
  const std::size_t most_;
  std::deque<Job> jobs_;
};

}  // namespace linnet::serve
