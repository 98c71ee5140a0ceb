#include "model/workspace.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace linnet {
namespace {

class WorkspaceTest : public testing::Test {
 protected:
  // Of so many floats. The backend's memory lasts as long as the test.
  Workspace make(std::int64_t floats) { return Workspace(std::move(*backend_->allocate(floats))); }

  const std::unique_ptr<Backend> backend_ = make_reference_backend();
};

bool overlap(View a, View b) {
  return a.data < b.data + b.rows * b.stride && b.data < a.data + a.rows * a.stride;
}

TEST_F(WorkspaceTest, ViewsAreSideBySide) {
  Workspace workspace = make(1000);
  const View a = workspace.view(3, 5);
  const View b = workspace.view(7, 20);
  const View c = workspace.view(1, 1);
  EXPECT_EQ(a.rows, 3);
  EXPECT_EQ(a.columns, 5);
  EXPECT_GE(a.stride, a.columns);
  EXPECT_FALSE(overlap(a, b));
  EXPECT_FALSE(overlap(b, c));
  EXPECT_FALSE(overlap(a, c));
}

TEST_F(WorkspaceTest, ViewsBeginAtCacheLines) {
  Workspace workspace = make(1000);
  const float* const first = workspace.view(1, 1).data;
  for (const std::int64_t columns : {1, 15, 16, 17, 33}) {
    EXPECT_EQ((workspace.view(1, columns).data - first) % 16, 0) << columns;
  }
}

// A task of a product writes the same two lines of every row: with a power of two between them all
// would be in the same set of a cache.
TEST_F(WorkspaceTest, WideRowsAreAnOddNumberOfPairsOfLinesApart) {
  Workspace workspace = make(1 << 20);
  for (const std::int64_t columns : {1024, 1056, 4096, 4097, 11008}) {
    const View view = workspace.view(2, columns);
    EXPECT_GE(view.stride, columns);
    EXPECT_EQ(view.stride % 32, 0) << columns;
    EXPECT_EQ(view.stride / 32 % 2, 1) << columns;
  }
  EXPECT_EQ(workspace.view(2, 1000).stride, 1000);  // there is no need to
  EXPECT_EQ(workspace.view(1, 4096).stride, 4096);  // a row alone has no next one
}

TEST_F(WorkspaceTest, AScopeGivesBackWhatWasTakenInIt) {
  Workspace workspace = make(100);
  workspace.view(1, 16);
  const float* taken = nullptr;
  {
    const Workspace::Scope outer(workspace);
    taken = workspace.view(1, 16).data;
    {
      const Workspace::Scope inner(workspace);
      EXPECT_GT(workspace.view(1, 48).data, taken);
    }
    EXPECT_EQ(workspace.view(1, 16).data, taken + 16);
  }
  EXPECT_EQ(workspace.view(1, 64).data, taken);
}

TEST_F(WorkspaceTest, ClearTakesEverythingBack) {
  Workspace workspace = make(64);
  const float* const first = workspace.view(1, 64).data;
  EXPECT_EQ(workspace.used().columns, 64);
  workspace.clear();
  EXPECT_EQ(workspace.used().columns, 0);
  EXPECT_EQ(workspace.view(1, 64).data, first);
}

TEST_F(WorkspaceTest, UsedIsAllThatIsHandedOut) {
  Workspace workspace = make(200);
  const View a = workspace.view(2, 10);
  const View b = workspace.view(1, 3);
  const View used = workspace.used();
  EXPECT_EQ(used.rows, 1);
  EXPECT_EQ(used.data, a.data);
  EXPECT_GE(used.data + used.columns, b.data + 3);
}

TEST_F(WorkspaceTest, ARoutingHasExpertsAndWeightsOfItsOwn) {
  Workspace workspace = make(64);
  const Routing routing = workspace.routing(4, 2);
  EXPECT_EQ(routing.rows, 4);
  EXPECT_EQ(routing.used, 2);
  for (int i = 0; i < 8; ++i) {
    routing.experts[i] = -1;
    routing.weights[i] = 0.5f;
  }
  for (int i = 0; i < 8; ++i) EXPECT_EQ(routing.experts[i], -1);
}

// The promise that a plan of memory stands on: whatever the views, so many floats are enough.
TEST_F(WorkspaceTest, WhatIsAskedForIsEnough) {
  for (const std::int64_t rows : {1, 2, 7, 512}) {
    for (const std::int64_t columns : {1, 16, 100, 1000, 1023, 1024, 1025, 2048, 4100}) {
      constexpr int kViews = 3;
      Workspace workspace = make(Workspace::floats_for(rows, kViews * columns, kViews));
      for (int i = 0; i < kViews; ++i) workspace.view(rows, columns);
      EXPECT_LE(workspace.used().columns, Workspace::floats_for(rows, kViews * columns, kViews));
    }
  }
}

TEST_F(WorkspaceTest, TakingMoreThanThereIsThrows) {
  Workspace workspace = make(32);
  workspace.view(1, 16);
  EXPECT_THROW(workspace.view(1, 17), std::logic_error);
  EXPECT_NO_THROW(workspace.view(1, 16));  // what was refused was not taken
  EXPECT_THROW(workspace.view(1, 1), std::logic_error);
}

}  // namespace
}  // namespace linnet
