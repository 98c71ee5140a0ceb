#include "model/blocks/moe.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kInner = 8, kExperts = 5, kUsed = 2;

// An expert and its weight.
using Pick = std::pair<std::size_t, double>;

class MoeTest : public testing::Test {
 protected:
  MoeTest() {
    spec_.width = kInner;
    spec_.route.used = kUsed;
  }
  // The router, and experts that read and give `width` columns.
  void add_experts(std::int64_t width = kWidth) {
    spec_.experts = experts_;
    case_.file.tensor("blk.0.ffn_gate_inp.weight", {kWidth, experts_})
        .tensor("blk.0.ffn_gate_exps.weight", {width, kInner, experts_})
        .tensor("blk.0.ffn_up_exps.weight", {width, kInner, experts_})
        .tensor("blk.0.ffn_down_exps.weight", {kInner, width, experts_});
  }
  MoeWeights load() {
    return case_.load(
        [&](WeightLoader& loader) { return load_moe(loader, spec_, kWidth, "blk.0"); });
  }
  void run() {
    const MoeWeights weights = load();
    case_.run(moe_columns(spec_, kWidth), [&](const Pass& pass, View in, View out) {
      moe_block(pass, spec_, weights, in, in, out);
    });
  }

  Row logits(const Row& x) { return test::product(x, case_.matrix("blk.0.ffn_gate_inp.weight")); }
  // The `kUsed` largest of `scores`, with the weights that stand in `weights`.
  static std::vector<Pick> largest(Row scores, const Row& weights) {
    std::vector<Pick> picks;
    for (int i = 0; i < kUsed; ++i) {
      const auto best = std::ranges::max_element(scores) - scores.begin();
      picks.emplace_back(best, weights[static_cast<std::size_t>(best)]);
      scores[static_cast<std::size_t>(best)] = -1e30;
    }
    return picks;
  }
  // What expert `e` of those of this name makes of x.
  Row expert(const std::string& name, std::size_t e, const Row& x) {
    const auto part = [&](const char* which) {
      return case_.matrices("blk.0.ffn_" + std::string(which) + "_" + name + ".weight")[e];
    };
    const Row gate = test::each(test::product(x, part("gate")), test::silu);
    return test::product(test::times(gate, test::product(x, part("up"))), part("down"));
  }
  // The sum over the picks of weight * expert(x).
  Row mixture(const std::vector<Pick>& picks, const Row& x, const std::string& name = "exps") {
    Row sum;
    for (const auto& [e, weight] : picks) {
      const Row one = weight * expert(name, e, x);
      sum = sum.empty() ? one : sum + one;
    }
    return sum;
  }
  template <class Formula>
  void expect(Formula&& formula) {
    Rows want;
    for (const Row& x : case_.input()) want.push_back(formula(x));
    test::expect_near(case_.out, want);
  }

  int experts_ = kExperts;
  MoeSpec spec_;
  test::BlockCase case_{kWidth, kRows};
};

// https://arxiv.org/abs/2401.04088, section 2.1: the softmax of the largest logits.
TEST_F(MoeTest, TheLargestLogitsAreWeighedByTheirSoftmax) {
  add_experts();
  spec_.route.gate = GateFunction::kSoftmaxAfterTopK;
  run();
  expect([&](const Row& x) {
    std::vector<Pick> picks = largest(logits(x), logits(x));
    const Row weights = test::softmax({picks[0].second, picks[1].second});
    for (int i = 0; i < kUsed; ++i) picks[i].second = weights[i];
    return mixture(picks, x);
  });
}

// DeepSeek-V3 (https://arxiv.org/abs/2412.19437, formulas 12 to 16): the bias is for the choice
// alone, and the sigmoids of those that were chosen are made to sum to one.
TEST_F(MoeTest, ABiasIsForTheChoiceAlone) {
  add_experts();
  case_.file.tensor("blk.0.exp_probs_b.bias", {kExperts});
  spec_.route.gate = GateFunction::kSigmoid;
  spec_.route.normalise = true;
  spec_.route.scale = 2.5f;
  run();
  expect([&](const Row& x) {
    const Row weights = test::each(logits(x), test::sigmoid);
    std::vector<Pick> picks = largest(weights + case_.vector("blk.0.exp_probs_b.bias"), weights);
    const double sum = picks[0].second + picks[1].second;
    for (Pick& pick : picks) pick.second *= 2.5 / sum;
    return mixture(picks, x);
  });
}

TEST_F(MoeTest, AddsToWhatIsThere) {
  add_experts();
  run();
  const Rows once = case_.output();
  run();
  test::expect_near(case_.out, 2.0 * once);
}

// Llama 4: the router's weight is a factor on what the expert reads.
TEST_F(MoeTest, TheWeightMayBeOfTheInput) {
  add_experts();
  spec_.weigh_input = true;
  run();
  expect([&](const Row& x) {
    const Row weights = test::softmax(logits(x));
    Row sum(kWidth);
    for (const auto& [e, weight] : largest(weights, weights)) {
      sum = sum + expert("exps", e, weight * x);
    }
    return sum;
  });
}

// Nemotron 3: the experts read and give fewer columns than the residual stream has.
TEST_F(MoeTest, ExpertsMayWorkInALatentSpace) {
  constexpr int kLatent = 4;
  add_experts(kLatent);
  case_.file.tensor("blk.0.ffn_latent_down.weight", {kWidth, kLatent})
      .tensor("blk.0.ffn_latent_up.weight", {kLatent, kWidth});
  spec_.latent_width = kLatent;
  run();
  expect([&](const Row& x) {
    const Row weights = test::softmax(logits(x));
    const Row low = test::product(x, case_.matrix("blk.0.ffn_latent_down.weight"));
    return test::product(mixture(largest(weights, weights), low),
                         case_.matrix("blk.0.ffn_latent_up.weight"));
  });
}

// https://arxiv.org/abs/2508.07785: what the experts gave goes through the small expert of the
// group, too.
TEST_F(MoeTest, ExpertsOfAGroupShareASmallOne) {
  constexpr int kAdjugate = 3, kSize = 2;
  experts_ = 6;
  spec_.adjugate = {.group_size = kSize, .width = kAdjugate, .scale = 0.05f};
  add_experts();
  case_.file.tensor("blk.0.ffn_gate_chexps.weight", {kWidth, kAdjugate, 3})
      .tensor("blk.0.ffn_up_chexps.weight", {kWidth, kAdjugate, 3})
      .tensor("blk.0.ffn_down_chexps.weight", {kAdjugate, kWidth, 3});
  run();
  expect([&](const Row& x) {
    const Row weights = test::softmax(logits(x));
    std::vector<Pick> picks = largest(weights, weights);
    const Row first = mixture(picks, x);
    for (Pick& pick : picks) pick.first /= kSize;
    return first + 0.05 * mixture(picks, first, "chexps");
  });
}

// DeepSeek-V4: the first layers' experts are named by the token, and only weighed by the router.
TEST_F(MoeTest, ATableMayNameTheExperts) {
  spec_.hash_routed_tokens = 48;
  add_experts();
  std::vector<float> table;
  for (int token = 0; token < 48; ++token) {
    for (const int e : {token % kExperts, (token + 2) % kExperts}) {
      table.push_back(static_cast<float>(e));
    }
  }
  case_.file.tensor("blk.0.ffn_gate_tid2eid.weight", {kUsed, 48}, table);
  run();
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row x = case_.input()[r];
    const Row weights = test::softmax(logits(x));
    const auto token = static_cast<std::size_t>(case_.tokens[r]);
    std::vector<Pick> picks;
    for (const std::size_t e : {token % kExperts, (token + 2) % kExperts}) {
      picks.emplace_back(e, weights[e]);
    }
    want.push_back(mixture(picks, x));
  }
  test::expect_near(case_.out, want);
}

TEST_F(MoeTest, ATableNamesExpertsThatThereAre) {
  spec_.hash_routed_tokens = 1;
  add_experts();
  case_.file.tensor("blk.0.ffn_gate_tid2eid.weight", {kUsed, 1}, {1, kExperts});
  WeightLoader loader(case_.file.file(), case_.file.backend());
  load_moe(loader, spec_, kWidth, "blk.0");
  const Status status = loader.finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            case_.file.path().string() +
                ": tensor blk.0.ffn_gate_tid2eid.weight names the expert 5, expected 0 to 4");
}

// SmallThinker: the router reads something else than the experts do.
TEST_F(MoeTest, TheRouterHasAnInputOfItsOwn) {
  add_experts();
  const MoeWeights weights = load();
  const std::vector<float> router_in = test::random_floats(kRows * kWidth, 99);
  case_.run(moe_columns(spec_, kWidth) + kWidth, [&](const Pass& pass, View in, View out) {
    const View other = pass.workspace.view(in.rows, kWidth);
    pass.backend.upload(router_in, other.data);
    moe_block(pass, spec_, weights, other, in, out);
  });
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row scores = test::softmax(logits(test::rows_of(router_in, kWidth)[r]));
    want.push_back(mixture(largest(scores, scores), case_.input()[r]));
  }
  test::expect_near(case_.out, want);
}

}  // namespace
}  // namespace linnet
