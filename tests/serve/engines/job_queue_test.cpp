#include "serve/engines/job_queue.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

std::vector<Job> jobs_of(std::uint64_t client, std::size_t count, std::int64_t mark = 0) {
  std::vector<Job> jobs(count);
  for (Job& job : jobs) {
    job.client = client;
    job.request.max_tokens = mark;
  }
  return jobs;
}

bool push(JobQueue& queue, std::vector<Job> jobs, std::size_t free_places = 0) {
  return queue.push(jobs, free_places);
}

// The clients of the jobs in their order, when each runs on.
std::vector<std::uint64_t> order(JobQueue& queue) {
  std::vector<std::uint64_t> clients;
  RunningTexts running;
  while (const auto job = queue.pop(running)) {
    ++running[job->client];
    clients.push_back(job->client);
  }
  return clients;
}

TEST(JobQueue, FirstComeFirstServedWithinAClient) {
  JobQueue queue(10);
  for (const std::int64_t mark : {1, 2, 3}) ASSERT_TRUE(push(queue, jobs_of(0, 1, mark)));
  for (const std::int64_t mark : {1, 2, 3}) EXPECT_EQ(queue.pop({})->request.max_tokens, mark);
  EXPECT_FALSE(queue.pop({}));
}

TEST(JobQueue, ClientsTakeTurns) {
  JobQueue queue(20);
  ASSERT_TRUE(push(queue, jobs_of(1, 5)));
  ASSERT_TRUE(push(queue, jobs_of(2, 2)));
  ASSERT_TRUE(push(queue, jobs_of(3, 1)));
  EXPECT_EQ(order(queue), (std::vector<std::uint64_t>{1, 2, 3, 1, 2, 1, 1, 1}));
}

TEST(JobQueue, WhoHasNothingRunningComesFirst) {
  JobQueue queue(20);
  ASSERT_TRUE(push(queue, jobs_of(1, 1)));
  ASSERT_TRUE(push(queue, jobs_of(2, 1)));
  EXPECT_EQ(queue.pop({{1, 4}, {2, 3}})->client, 2u);
}

TEST(JobQueue, IsBounded) {
  JobQueue queue(4);
  EXPECT_FALSE(push(queue, jobs_of(0, 5)));
  EXPECT_TRUE(push(queue, jobs_of(0, 4)));
  EXPECT_FALSE(push(queue, jobs_of(0, 1)));
  EXPECT_TRUE(push(queue, jobs_of(0, 2), 2));
  EXPECT_EQ(queue.size(), 6u);
}

TEST(JobQueue, OneKeyLeavesRoomForOthers) {
  JobQueue queue(8);
  EXPECT_TRUE(push(queue, jobs_of(1, 6)));
  EXPECT_FALSE(push(queue, jobs_of(1, 1)));
  EXPECT_TRUE(push(queue, jobs_of(2, 2)));
  EXPECT_FALSE(push(queue, jobs_of(3, 1)));
  JobQueue small(1);
  EXPECT_TRUE(push(small, jobs_of(1, 1)));
  JobQueue none(0);
  EXPECT_FALSE(push(none, jobs_of(1, 1)));
}

}  // namespace
}  // namespace linnet::serve
