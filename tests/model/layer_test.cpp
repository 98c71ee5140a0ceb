// Where the norms and sums of a layer are. The mixer is one projection (attention without keys),
// the feed-forward part relu between two.

#include "model/layer.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kInner = 7;

class LayerTest : public testing::Test {
 protected:
  LayerTest() {
    case_.model.layers.resize(1);
    spec().attention.heads = 1;
    spec().mlp.width = kInner;
    spec().mlp.gate.activation = Activation::kRelu;
    add("attn_output.weight", {kWidth, kWidth});
    add("ffn_up.weight", {kWidth, kInner});
    add("ffn_down.weight", {kInner, kWidth});
  }
  LayerSpec& spec() { return case_.model.layers[0]; }
  void add(const std::string& part, std::vector<std::int64_t> shape) {
    case_.file.tensor("blk.0." + part, std::move(shape));
  }
  void add_norms(std::initializer_list<const char*> names) {
    for (const char* name : names) add(std::string(name) + ".weight", {kWidth});
  }

  void run() {
    const LayerWeights weights =
        case_.load([&](WeightLoader& loader) { return load_layer(loader, case_.model, 0, {}); });
    // The streams, and what a layer reads and computes of them, as Model counts it.
    const std::int64_t columns = layer_columns(case_.model, weights, 0) + 6 * kWidth;
    case_.run(columns, [&](const Pass& pass, View in, View out) {
      Streams streams;
      streams.x = out;
      pass.backend.copy(in, out);
      if (case_.model.residual.embedding_skip) {
        streams.embeddings = pass.workspace.view(in.rows, kWidth);
        pass.backend.fill(streams.embeddings, 1.0f);
      }
      run_layer(pass, weights, 0, streams);
    });
  }
  Rows x() { return case_.input(); }
  Rows product(const Rows& in, const std::string& part) {
    return test::product(in, case_.matrix("blk.0." + part + ".weight"));
  }
  Rows norm(const Rows& in, const std::string& part) {
    return test::rms_norm(in, case_.vector("blk.0." + part + ".weight"), 1e-5);
  }
  Rows mixer(const Rows& in) { return product(in, "attn_output"); }
  Rows ffn(const Rows& in) {
    return product(test::each(product(in, "ffn_up"), [](double v) { return std::max(v, 0.0); }),
                   "ffn_down");
  }

  test::BlockCase case_{kWidth, kRows};
};

TEST_F(LayerTest, NormsComeBeforeBlocks) {
  add_norms({"attn_norm", "ffn_norm"});
  run();
  const Rows mixed = x() + mixer(norm(x(), "attn_norm"));
  test::expect_near(case_.out, mixed + ffn(norm(mixed, "ffn_norm")));
}

// Gemma 2: and behind them.
TEST_F(LayerTest, NormsMayAlsoComeBehindBlocks) {
  add_norms({"attn_norm", "ffn_norm", "post_attention_norm", "post_ffw_norm"});
  case_.model.post_norm_epsilon = 1e-5f;
  run();
  const Rows mixed = x() + norm(mixer(norm(x(), "attn_norm")), "post_attention_norm");
  test::expect_near(case_.out, mixed + norm(ffn(norm(mixed, "ffn_norm")), "post_ffw_norm"));
}

// OLMo 2: only there.
TEST_F(LayerTest, OrOnlyThere) {
  add_norms({"post_attention_norm", "post_ffw_norm"});
  case_.model.pre_norm = NormUse::kNone;
  run();
  const Rows mixed = x() + norm(mixer(x()), "post_attention_norm");
  test::expect_near(case_.out, mixed + norm(ffn(mixed), "post_ffw_norm"));
}

// BERT: of the residual stream itself.
TEST_F(LayerTest, OrOfTheSum) {
  add_norms({"attn_output_norm", "layer_output_norm"});
  case_.model.pre_norm = NormUse::kNone;
  case_.model.norm_names.mixer_sum = "attn_output_norm";
  case_.model.norm_names.ffn_sum = "layer_output_norm";
  run();
  const Rows mixed = norm(x() + mixer(x()), "attn_output_norm");
  test::expect_near(case_.out, norm(mixed + ffn(mixed), "layer_output_norm"));
}

// GPT-J and Falcon: both blocks read the same.
TEST_F(LayerTest, BlocksMayBeSideBySide) {
  add_norms({"attn_norm"});
  case_.model.residual.parallel = true;
  run();
  const Rows in = norm(x(), "attn_norm");
  test::expect_near(case_.out, x() + mixer(in) + ffn(in));
}

// GPT-NeoX: with a norm for each.
TEST_F(LayerTest, SideBySideWithTwoNorms) {
  add_norms({"attn_norm", "ffn_norm"});
  case_.model.residual.parallel = true;
  run();
  test::expect_near(case_.out, x() + mixer(norm(x(), "attn_norm")) + ffn(norm(x(), "ffn_norm")));
}

// Granite and MiniCPM.
TEST_F(LayerTest, WhatBlocksAddIsScaled) {
  add_norms({"attn_norm", "ffn_norm"});
  case_.model.residual.scale = 0.25f;
  spec().ffn_scale = 2.0f;
  spec().output_scale = 0.5f;
  run();
  const Rows mixed = x() + 0.25 * mixer(norm(x(), "attn_norm"));
  test::expect_near(case_.out, 0.5 * (mixed + 0.5 * ffn(norm(mixed, "ffn_norm"))));
}

// https://arxiv.org/abs/2103.17239: a factor for each column.
TEST_F(LayerTest, LayerScale) {
  add_norms({"attn_norm", "ffn_norm", "ls1", "ls2"});
  run();
  const auto scaled = [&](const Rows& in, const char* part) {
    return test::times(in, Rows(kRows, case_.vector(std::string("blk.0.") + part + ".weight")));
  };
  const Rows mixed = x() + scaled(mixer(norm(x(), "attn_norm")), "ls1");
  test::expect_near(case_.out, mixed + scaled(ffn(norm(mixed, "ffn_norm")), "ls2"));
}

// ModernBERT's first layer.
TEST_F(LayerTest, TheMixerMayReadTheStreamAsItIs) {
  add_norms({"ffn_norm"});
  spec().bare_mixer_input = true;
  run();
  const Rows mixed = x() + mixer(x());
  test::expect_near(case_.out, mixed + ffn(norm(mixed, "ffn_norm")));
}

// MiniMax-01: the stream becomes what a block reads.
TEST_F(LayerTest, TheStreamMayStartAnewWithEachBlock) {
  add_norms({"attn_norm", "ffn_norm"});
  case_.model.residual.input_scale = 3.0f;
  run();
  const Rows in = norm(x(), "attn_norm");
  const Rows ffn_in = norm(3.0 * in + mixer(in), "ffn_norm");
  test::expect_near(case_.out, 3.0 * ffn_in + ffn(ffn_in));
}

// Talkie: every layer adds the embeddings, which here are ones, times its own factor.
TEST_F(LayerTest, EmbeddingsMayBeAddedAgain) {
  add_norms({"attn_norm", "ffn_norm"});
  case_.file.tensor("blk.0.layer_output_scale.weight", {1}, {0.75f});
  case_.model.residual.embedding_skip = true;
  run();
  const Rows mixed = x() + mixer(norm(x(), "attn_norm"));
  test::expect_near(case_.out,
                    mixed + ffn(norm(mixed, "ffn_norm")) + Rows(kRows, Row(kWidth, 0.75)));
}

class LayerOfExpertsTest : public LayerTest {
 protected:
  LayerOfExpertsTest() {
    add_norms({"attn_norm", "ffn_norm"});
    MoeSpec& moe = spec().moe;
    moe.experts = moe.route.used = 2;
    moe.width = 3;
    moe.gate.activation = Activation::kRelu;
    add("ffn_gate_inp.weight", {kWidth, 2});
    add("ffn_up_exps.weight", {kWidth, 3, 2});
    add("ffn_down_exps.weight", {3, kWidth, 2});
  }
  // All experts, by the softmax of what the router makes of `router_in`.
  Rows experts(const Rows& router_in, const Rows& in) {
    const Rows scores = product(router_in, "ffn_gate_inp");
    const auto up = case_.matrices("blk.0.ffn_up_exps.weight");
    const auto down = case_.matrices("blk.0.ffn_down_exps.weight");
    Rows out;
    for (std::size_t r = 0; r < kRows; ++r) {
      const Row weights = test::softmax(scores[r]);
      Row sum(kWidth);
      for (std::size_t e = 0; e < 2; ++e) {
        const Row inner =
            test::each(test::product(in[r], up[e]), [](double v) { return std::max(v, 0.0); });
        sum = sum + weights[e] * test::product(inner, down[e]);
      }
      out.push_back(sum);
    }
    return out;
  }
};

TEST_F(LayerOfExpertsTest, BesideTheDensePart) {
  run();
  const Rows mixed = x() + mixer(norm(x(), "attn_norm"));
  const Rows in = norm(mixed, "ffn_norm");
  test::expect_near(case_.out, mixed + ffn(in) + experts(in, in));
}

// Qwen 2: the expert that every token uses, times its gate.
TEST_F(LayerOfExpertsTest, WithASharedExpert) {
  spec().shared.width = 4;
  spec().shared.gate.activation = Activation::kRelu;
  add("ffn_up_shexp.weight", {kWidth, 4});
  add("ffn_down_shexp.weight", {4, kWidth});
  add("ffn_gate_inp_shexp.weight", {kWidth});
  run();
  const Rows mixed = x() + mixer(norm(x(), "attn_norm"));
  const Rows in = norm(mixed, "ffn_norm");
  Rows shared =
      product(test::each(product(in, "ffn_up_shexp"), [](double v) { return std::max(v, 0.0); }),
              "ffn_down_shexp");
  const Row gate = case_.vector("blk.0.ffn_gate_inp_shexp.weight");
  for (std::size_t r = 0; r < kRows; ++r) {
    shared[r] = test::sigmoid(test::dot(in[r], gate)) * shared[r];
  }
  test::expect_near(case_.out, mixed + ffn(in) + experts(in, in) + shared);
}

// SmallThinker: the router reads the stream as it was before the mixer.
TEST_F(LayerOfExpertsTest, TheRouterMayReadWhatTheMixerReads) {
  spec().moe.input = MoeSpec::Input::kRouterBeforeMixer;
  run();
  const Rows mixed = x() + mixer(norm(x(), "attn_norm"));
  const Rows in = norm(mixed, "ffn_norm");
  test::expect_near(case_.out, mixed + ffn(in) + experts(x(), in));
}

// Arctic: experts read it through a norm of their own.
TEST_F(LayerOfExpertsTest, ExpertsMayReadWhatTheMixerReads) {
  add_norms({"ffn_norm_exps"});
  spec().moe.input = MoeSpec::Input::kAllBeforeMixer;
  run();
  const Rows mixed = x() + mixer(norm(x(), "attn_norm"));
  const Rows in = norm(x(), "ffn_norm_exps");
  test::expect_near(case_.out, mixed + ffn(norm(mixed, "ffn_norm")) + experts(in, in));
}

TEST_F(LayerTest, AMissingNormIsNamed) {
  add_norms({"ffn_norm"});
  WeightLoader loader(case_.file.file(), case_.file.backend());
  load_layer(loader, case_.model, 0, {});
  const Status status = loader.finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            case_.file.path().string() + ": missing tensor blk.0.attn_norm.weight");
}

}  // namespace
}  // namespace linnet
