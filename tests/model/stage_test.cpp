#include "model/stage.hpp"

#include <gtest/gtest.h>

#include "support/random_floats.hpp"

namespace linnet {
namespace {

class StageTest : public testing::Test {
 protected:
  Stage make() {
    Stage stage{backend_.get(), {}};
    stage.workspace = std::make_unique<Workspace>(std::move(*backend_->allocate(1000)));
    return stage;
  }
  std::vector<float> values(View view) {
    std::vector<float> values(static_cast<std::size_t>(view.rows * view.columns));
    backend_->download(view, values.data());
    return values;
  }

  const std::unique_ptr<Backend> backend_ = make_reference_backend();
};

TEST_F(StageTest, StreamsMoveToTheNextMemory) {
  const Stage from = make(), to = make();
  Streams streams;
  streams.x = from.workspace->view(3, 7);
  streams.others = {from.workspace->view(3, 5), from.workspace->view(3, 6)};
  streams.adapters = from.workspace->routing(3, 1);
  const std::vector<float> x = test::random_floats(21, 1), other = test::random_floats(18, 2);
  backend_->upload(x, streams.x.data);
  backend_->upload(other, streams.others[1].data);
  for (int r = 0; r < 3; ++r) {
    streams.adapters.experts[r] = r + 5;
    streams.adapters.weights[r] = 0.5f;
  }

  const Streams before = streams;
  std::vector<float> host;
  hand_over(from, to, host, streams);
  backend_->fill(from.workspace->used(), -1.0f);  // the first memory is free for others
  EXPECT_NE(streams.x.data, before.x.data);
  EXPECT_EQ(values(streams.x), x);
  EXPECT_EQ(values(streams.others[1]), other);
  EXPECT_EQ(streams.shared.data, nullptr);  // what a model lacks it goes on lacking
  EXPECT_EQ(streams.embeddings.data, nullptr);
  EXPECT_EQ(streams.others[0].columns, 5);
  for (int r = 0; r < 3; ++r) {
    EXPECT_EQ(streams.adapters.experts[r], r + 5);
    EXPECT_EQ(streams.adapters.weights[r], 0.5f);
  }
  EXPECT_EQ(to.workspace->used().columns, from.workspace->used().columns);
}

}  // namespace
}  // namespace linnet
