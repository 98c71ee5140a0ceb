#include "model/blocks/prediction.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 5, kRows = 16;

// https://arxiv.org/abs/2412.19437, formula 21: M [norm(embedding); norm(hidden)], here with the
// embedding first. Rows without a hidden state have zeros.
TEST(PredictionTest, EmbeddingAndHiddenStateAreProjectedTogether) {
  test::BlockCase block(kWidth, kRows);
  block.model.prediction.kind = PredictionSpec::Kind::kJoined;
  block.model.prediction.target_width = kWidth;
  block.model.first_block = 7;
  block.file.tensor("blk.7.nextn.enorm.weight", {kWidth})
      .tensor("blk.7.nextn.hnorm.weight", {kWidth})
      .tensor("blk.7.nextn.eh_proj.weight", {2 * kWidth, kWidth});
  const PredictionWeights weights =
      block.load([&](WeightLoader& loader) { return load_prediction(loader, block.model, {}); });
  const std::vector<float> hidden = test::random_floats(2 * kWidth, 3);
  block.run(prediction_columns(block.model), [&](Pass pass, View in, View out) {
    const GivenRows given[] = {{.first = 1, .rows = 2, .values = hidden.data()}};
    pass.given = given;
    pass.backend.copy(in, out);
    join_hidden(pass, weights, out, out);
  });
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    Row both = test::rms_norm(block.input()[r], block.vector("blk.7.nextn.enorm.weight"), 1e-5);
    Row state(kWidth);
    if (r == 1 || r == 2) {
      state = test::rms_norm(test::rows_of(hidden, kWidth)[r - 1],
                             block.vector("blk.7.nextn.hnorm.weight"), 1e-5);
    }
    both.insert(both.end(), state.begin(), state.end());
    want.push_back(test::product(both, block.matrix("blk.7.nextn.eh_proj.weight")));
  }
  test::expect_near(block.out, want);
}

// What EAGLE-3 (https://arxiv.org/abs/2503.01840) reads: the embedding, and beside it the stream,
// each behind its norm; the stream may go on as it was read.
TEST(PredictionTest, EmbeddingAndStreamAreReadSideBySide) {
  for (const bool normalises_stream : {false, true}) {
    test::BlockCase block(kWidth, kRows);
    block.model.prediction.kind = PredictionSpec::Kind::kBeside;
    block.model.prediction.normalises_stream = normalises_stream;
    block.file.tensor("token.weight", {kWidth}).tensor("stream.weight", {kWidth});
    const auto [token_norm, stream_norm] = block.load([](WeightLoader& loader) {
      return std::pair(loader.norm("token", kWidth), loader.norm("stream", kWidth));
    });
    const Rows tokens = test::rms_norm(block.input(), block.vector("token.weight"), 1e-5);
    const std::vector<float> given = test::random_floats(kRows * kWidth, 3);
    const Rows streams = test::rows_of(given, kWidth);
    const Rows normed = test::rms_norm(streams, block.vector("stream.weight"), 1e-5);
    enum { kToken, kStream, kRest };
    const Rows want[] = {tokens, normed, normalises_stream ? normed : streams};
    for (const int part : {kToken, kStream, kRest}) {
      block.out.clear();
      block.run(prediction_columns(block.model) + kWidth, [&](Pass pass, View in, View out) {
        const GivenRows rows[] = {{.first = 0, .rows = kRows, .values = given.data()}};
        pass.given = rows;
        Streams stream{.x = in};
        begin_beside_tokens(pass, stream);
        const View both = read_beside_tokens(pass, token_norm, stream_norm, stream);
        pass.backend.copy(part == kRest ? stream.x : both.slice(part * kWidth, kWidth), out);
      });
      test::expect_near(block.out, want[part]);
    }
  }
}

// EAGLE-3 may normalise them before, DFlash what they are fused to.
TEST(PredictionTest, ResultsOfTheTargetAreFused) {
  constexpr std::int64_t kTargetWidth = 7;
  enum class Norms { kNone, kBefore, kBehind };
  for (const Norms norms : {Norms::kNone, Norms::kBefore, Norms::kBehind}) {
    const bool normalises = norms == Norms::kBefore;
    test::BlockCase block(kWidth, kRows);
    PredictionSpec& spec = block.model.prediction;
    spec.kind =
        norms == Norms::kBehind ? PredictionSpec::Kind::kBlock : PredictionSpec::Kind::kBeside;
    spec.target_layers = {1, 4};
    spec.target_width = kTargetWidth;
    spec.normalises_results = normalises;
    block.file.tensor("fc.weight", {2 * kTargetWidth, kWidth});
    if (normalises) block.file.tensor("enc.output_norm.weight", {2 * kTargetWidth});
    if (norms == Norms::kBehind) block.file.tensor("enc.output_norm.weight", {kWidth});
    const PredictionWeights weights =
        block.load([&](WeightLoader& loader) { return load_prediction(loader, block.model, {}); });
    const std::vector<float> results = test::random_floats(2 * kRows * kTargetWidth, 3);
    const auto memory = std::move(*block.file.backend().allocate(std::ssize(results)));
    block.file.backend().upload(results, memory->data());
    const View first{memory->data(), kRows, kTargetWidth, kTargetWidth};
    const View second{first.row(kRows), kRows, kTargetWidth, kTargetWidth};
    block.run(prediction_columns(block.model), [&](const Pass& pass, View, View out) {
      const View both[] = {first, second};
      fuse_results(pass.backend, pass.workspace, pass.model, weights, both, out);
    });
    const Rows rows = test::rows_of(results, kTargetWidth);
    Rows want;
    for (std::size_t r = 0; r < kRows; ++r) {
      Row both = rows[r];
      both.insert(both.end(), rows[kRows + r].begin(), rows[kRows + r].end());
      if (normalises) both = test::rms_norm(both, block.vector("enc.output_norm.weight"), 1e-5);
      Row fused = test::product(both, block.matrix("fc.weight"));
      if (norms == Norms::kBehind) {
        fused = test::rms_norm(fused, block.vector("enc.output_norm.weight"), 1e-5);
      }
      want.push_back(std::move(fused));
    }
    test::expect_near(block.out, want);
  }
}

// Each stream of the state beside the embedding, through the same projection (DeepSeek-V4).
TEST(PredictionTest, AllStreamsOfTheStateAreJoined) {
  constexpr std::int64_t kStreams = 3;
  test::BlockCase block(kWidth, kRows);
  block.model.prediction.kind = PredictionSpec::Kind::kJoined;
  block.model.prediction.target_width = kStreams * kWidth;
  block.model.residual.hyper_connection.streams = kStreams;
  block.file.tensor("blk.0.nextn.enorm.weight", {kWidth})
      .tensor("blk.0.nextn.hnorm.weight", {kWidth})
      .tensor("blk.0.nextn.eh_proj.weight", {2 * kWidth, kWidth});
  const PredictionWeights weights =
      block.load([&](WeightLoader& loader) { return load_prediction(loader, block.model, {}); });
  const std::vector<float> hidden = test::random_floats(kRows * kStreams * kWidth, 3);
  const Rows states = test::rows_of(hidden, kWidth);  // [rows][streams]
  for (std::int64_t stream = 0; stream < kStreams; ++stream) {
    block.out.clear();
    block.run(prediction_columns(block.model) + kStreams * kWidth,
              [&](Pass pass, View in, View out) {
                const GivenRows given[] = {{.first = 0, .rows = kRows, .values = hidden.data()}};
                pass.given = given;
                const View all = pass.workspace.view(in.rows, kStreams * kWidth);
                join_hidden(pass, weights, in, all);
                pass.backend.copy(all.slice(stream * kWidth, kWidth), out);
              });
    Rows want;
    for (std::size_t r = 0; r < kRows; ++r) {
      Row both = test::rms_norm(block.input()[r], block.vector("blk.0.nextn.enorm.weight"), 1e-5);
      const Row state = test::rms_norm(states[r * kStreams + static_cast<std::size_t>(stream)],
                                       block.vector("blk.0.nextn.hnorm.weight"), 1e-5);
      both.insert(both.end(), state.begin(), state.end());
      want.push_back(test::product(both, block.matrix("blk.0.nextn.eh_proj.weight")));
    }
    test::expect_near(block.out, want);
  }
}

// What Gemma 4's assistants read: the target's embedding, scaled, and the state before the token.
TEST(PredictionTest, EmbeddingOfTheTargetAndStateAreProjectedTogether) {
  constexpr std::int64_t kTargetWidth = 7, kTokens = 3 * kRows;
  test::BlockCase block(kWidth, kRows);
  block.model.prediction.kind = PredictionSpec::Kind::kReadsKeys;
  block.model.prediction.target_width = kTargetWidth;
  block.model.embedding_scale = 2.5f;
  block.file.tensor("nextn.pre_projection.weight", {2 * kTargetWidth, kWidth});
  const std::vector<float> table = test::random_floats(kTokens * kTargetWidth, 5);
  const std::vector<float> hidden = test::random_floats(2 * kTargetWidth, 3);
  const PredictionWeights weights = block.load([&](WeightLoader& loader) {
    return load_prediction(loader, block.model, block.upload(table, kTargetWidth));
  });
  block.run(prediction_columns(block.model) + kWidth, [&](Pass pass, View, View out) {
    const GivenRows given[] = {{.first = 1, .rows = 2, .values = hidden.data()}};
    pass.given = given;
    pass.backend.copy(join_target(pass, weights), out);
  });
  const Rows embeddings = test::rows_of(table, kTargetWidth);
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    Row both = 2.5 * embeddings[static_cast<std::size_t>(block.tokens[r])];
    Row state(kTargetWidth);
    if (r == 1 || r == 2) state = test::rows_of(hidden, kTargetWidth)[r - 1];
    both.insert(both.end(), state.begin(), state.end());
    want.push_back(test::product(both, block.matrix("nextn.pre_projection.weight")));
  }
  test::expect_near(block.out, want);
}

TEST(PredictionTest, KeysAreThoseOfTheLastLayerOfAKind) {
  ModelSpec target;
  target.layers.resize(5);
  for (LayerSpec& layer : target.layers) layer.attention.heads = 2;
  EXPECT_EQ(read_kv_layer(target, AttentionSpan::kFull), 4);
  EXPECT_EQ(read_kv_layer(target, AttentionSpan::kSliding), -1);
  for (const int sliding : {1, 3}) {
    target.layers[static_cast<std::size_t>(sliding)].attention.span = AttentionSpan::kSliding;
  }
  EXPECT_EQ(read_kv_layer(target, AttentionSpan::kSliding), 3);
  target.layers[3].attention.kv_layer = 1;
  EXPECT_EQ(read_kv_layer(target, AttentionSpan::kSliding), 1);
  target.layers[4].attention.heads = 0;
  ModelSpec model;
  model.layers.resize(2);
  model.layers[0].attention.span = AttentionSpan::kSliding;
  read_keys_of(target, model);
  EXPECT_EQ(model.layers[0].attention.kv_layer, 1);
  EXPECT_EQ(model.layers[1].attention.kv_layer, 2);
}

TEST(PredictionTest, MostModelsDoNotPredict) {
  test::BlockCase block(kWidth, kRows);
  EXPECT_EQ(prediction_columns(block.model), 0);
  const PredictionWeights weights =
      block.load([&](WeightLoader& loader) { return load_prediction(loader, block.model, {}); });
  EXPECT_FALSE(weights.projection);
}

}  // namespace
}  // namespace linnet
