#include "serve/engines/job_queue.hpp"

#include <algorithm>
#include <iterator>

namespace linnet::serve {

// The part of the queue that one client may fill.
std::size_t JobQueue::room_of(std::uint64_t client) const {
  return client == 0 ? most_
                     : std::max<std::size_t>(most_ * 3 / 4, std::min<std::size_t>(most_, 1));
}

bool JobQueue::push(std::vector<Job>& jobs, std::size_t free_places) {
  if (jobs.empty()) return true;
  const std::uint64_t client = jobs.front().client;
  const auto own = static_cast<std::size_t>(std::ranges::count(jobs_, client, &Job::client));
  if (jobs_.size() + jobs.size() > most_ + free_places) return false;
  if (own + jobs.size() > room_of(client) + free_places) return false;
  std::ranges::move(jobs, std::back_inserter(jobs_));
  jobs.clear();
  return true;
}

std::optional<Job> JobQueue::pop(const RunningTexts& running) {
  if (jobs_.empty()) return std::nullopt;
  const auto texts_of_client = [&](const Job& job) {
    const auto found = running.find(job.client);
    return found == running.end() ? std::size_t{0} : found->second;
  };
  const auto next = std::ranges::min_element(jobs_, {}, texts_of_client);
  Job job = std::move(*next);
  jobs_.erase(next);
  return job;
}

std::vector<Job> JobQueue::take_cancelled() {
  const auto wanted = [](const Job& job) { return !job.generation->is_cancelled(); };
  const auto unwanted = std::stable_partition(jobs_.begin(), jobs_.end(), wanted);
  std::vector<Job> taken(std::make_move_iterator(unwanted), std::make_move_iterator(jobs_.end()));
  jobs_.erase(unwanted, jobs_.end());
  return taken;
}

std::vector<Job> JobQueue::take_all() {
  std::vector<Job> taken(std::make_move_iterator(jobs_.begin()),
                         std::make_move_iterator(jobs_.end()));
  jobs_.clear();
  return taken;
}

}  // namespace linnet::serve
