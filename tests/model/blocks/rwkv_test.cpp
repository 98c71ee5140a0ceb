#include "model/blocks/rwkv.hpp"

#include <gtest/gtest.h>

#include "model/blocks/recurrent_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 8, kRows = 16;
constexpr int kInner = 11, kHead = 4, kHeads = kWidth / kHead;
constexpr int kMixRank = 3, kDecayRank = 2, kRateRank = 3, kValueRank = 2, kGateRank = 5;

class RwkvTest : public testing::Test {
 public:
  RwkvTest& tensor(const std::string& name, std::vector<std::int64_t> shape) {
    block_.file.tensor("blk.0." + name, std::move(shape));
    return *this;
  }

 protected:
  // So small that the epsilon of the group norm counts.
  RwkvTest() { block_.in = test::random_floats(kRows * kWidth, 3, 0.2f); }

  Rows product(const Rows& x, const std::string& tensor) {
    return test::product(x, block_.matrix("blk.0." + tensor + ".weight"));
  }
  Row vector(const std::string& tensor) { return block_.vector("blk.0." + tensor + ".weight"); }
  // x + share * (the token before - x); one share for all rows, or one for each.
  Rows mixed(const Rows& share) {
    const Rows x = block_.input();
    return x + test::times(share, test::previous(x) + -1.0 * x);
  }
  Rows mixed(const Row& share) { return mixed(Rows(kRows, share)); }
  static Rows plus(const Rows& x, const Row& base) { return x + Rows(kRows, base); }
  static Rows tanh_of(const Rows& x) {
    return test::each(x, [](double value) { return std::tanh(value); });
  }
  static Row head_of(const Row& x, int head) { return test::columns(x, head * kHead, kHead); }

  // The group norm of each head.
  Rows normed_heads(const Rows& y) {
    const Row weight = vector("time_mix_ln");
    const Row bias = block_.vector("blk.0.time_mix_ln.bias");
    Rows out(y.size());
    for (std::size_t t = 0; t < y.size(); ++t) {
      for (int h = 0; h < kHeads; ++h) {
        Row head = head_of(y[t], h);
        double mean = 0.0;
        for (const double value : head) mean += value / kHead;
        head = test::each(head, [&](double value) { return value - mean; });
        head = test::times(test::rms_norm(head, 64e-5), head_of(weight, h)) + head_of(bias, h);
        out[t].insert(out[t].end(), head.begin(), head.end());
      }
    }
    return out;
  }

  test::RecurrentCase block_{kWidth, kRows};
};

// https://arxiv.org/abs/2404.05892, section 4.1.3.
TEST_F(RwkvTest, ChannelMix) {
  tensor("channel_mix_key.weight", {kWidth, kInner})
      .tensor("channel_mix_value.weight", {kInner, kWidth})
      .tensor("channel_mix_receptance.weight", {kWidth, kWidth})
      .tensor("channel_mix_lerp_k.weight", {kWidth})
      .tensor("channel_mix_lerp_r.weight", {kWidth});
  block_.run(RwkvChannelMixSpec{.columns = kWidth, .inner = kInner});
  const Rows inner = test::each(product(mixed(vector("channel_mix_lerp_k")), "channel_mix_key"),
                                [](double x) { return std::max(x, 0.0) * std::max(x, 0.0); });
  const Rows gate = test::each(
      product(mixed(vector("channel_mix_lerp_r")), "channel_mix_receptance"), test::sigmoid);
  test::expect_near(block_.out, test::times(gate, product(inner, "channel_mix_value")));
}

// RWKV-7 leaves the receptance out (https://arxiv.org/abs/2503.14456, formula 24).
TEST_F(RwkvTest, ChannelMixWithoutReceptance) {
  tensor("channel_mix_key.weight", {kWidth, kInner})
      .tensor("channel_mix_value.weight", {kInner, kWidth})
      .tensor("channel_mix_lerp_k.weight", {kWidth});
  block_.run(RwkvChannelMixSpec{.columns = kWidth, .inner = kInner});
  const Rows inner = test::each(product(mixed(vector("channel_mix_lerp_k")), "channel_mix_key"),
                                [](double x) { return std::max(x, 0.0) * std::max(x, 0.0); });
  test::expect_near(block_.out, product(inner, "channel_mix_value"));
}

// https://arxiv.org/abs/2404.05892, formulas 11 to 21.
TEST_F(RwkvTest, TimeMixOfRwkv6) {
  for (const char* name : {"key", "value", "receptance", "gate", "output"}) {
    tensor(std::string("time_mix_") + name + ".weight", {kWidth, kWidth});
  }
  tensor("time_mix_w1.weight", {kWidth, 5 * kMixRank})
      .tensor("time_mix_w2.weight", {kMixRank, kWidth, 5})
      .tensor("time_mix_decay_w1.weight", {kWidth, kDecayRank})
      .tensor("time_mix_decay_w2.weight", {kDecayRank, kWidth})
      .tensor("time_mix_decay.weight", {kWidth})
      .tensor("time_mix_first.weight", {kHead, kHeads})
      .tensor("time_mix_lerp_x.weight", {kWidth})
      .tensor("time_mix_lerp_fused.weight", {kWidth, 1, 1, 5})
      .tensor("time_mix_ln.weight", {kWidth})
      .tensor("time_mix_ln.bias", {kWidth});
  block_.run(Rwkv6Spec{.columns = kWidth,
                       .head_width = kHead,
                       .kv_heads = kHeads,
                       .mix_rank = kMixRank,
                       .decay_rank = kDecayRank});

  const Rows low = tanh_of(product(mixed(vector("time_mix_lerp_x")), "time_mix_w1"));
  const Rows shares = test::rows_of(block_.file.values("blk.0.time_mix_lerp_fused.weight"), kWidth);
  const std::vector<Rows> high = block_.matrices("blk.0.time_mix_w2.weight");
  std::vector<Rows> x;  // of decay, key, value, receptance, gate
  for (int i = 0; i < 5; ++i) {
    x.push_back(
        mixed(plus(test::product(test::columns(low, i * kMixRank, kMixRank), high[i]), shares[i])));
  }
  const Rows exponent =
      plus(product(tanh_of(product(x[0], "time_mix_decay_w1")), "time_mix_decay_w2"),
           vector("time_mix_decay"));
  const Rows decay = test::each(exponent, [](double d) { return std::exp(-std::exp(d)); });
  const Rows key = product(x[1], "time_mix_key"), value = product(x[2], "time_mix_value"),
             receptance = product(x[3], "time_mix_receptance");
  const Row bonus = vector("time_mix_first");
  std::vector<Rows> states(kHeads, Rows(kHead, Row(kHead)));
  Rows y(kRows);
  for (std::size_t t = 0; t < kRows; ++t) {
    for (int h = 0; h < kHeads; ++h) {
      const Row k = head_of(key[t], h), v = head_of(value[t], h), r = head_of(receptance[t], h);
      const Row out =
          test::read_state(states[h] + test::outer(test::times(head_of(bonus, h), k), v), r);
      states[h] = test::decayed(head_of(decay[t], h), states[h]) + test::outer(k, v);
      y[t].insert(y[t].end(), out.begin(), out.end());
    }
  }
  const Rows gate = test::each(product(x[4], "time_mix_gate"), test::silu);
  test::expect_near(block_.out, product(test::times(normed_heads(y), gate), "time_mix_output"));
}

class Rwkv7Test : public RwkvTest {
 protected:
  Rwkv7Test() {
    for (const char* name : {"key", "value", "receptance", "output"}) {
      tensor(std::string("time_mix_") + name + ".weight", {kWidth, kWidth});
    }
    add_low_rank("w", kDecayRank);
    add_low_rank("a", kRateRank);
    tensor("time_mix_g1.weight", {kWidth, kGateRank})
        .tensor("time_mix_g2.weight", {kGateRank, kWidth});
    tensor("time_mix_lerp_fused.weight", {kWidth, 1, 1, 6})
        .tensor("time_mix_k_k.weight", {kWidth})
        .tensor("time_mix_k_a.weight", {kWidth})
        .tensor("time_mix_r_k.weight", {kHead, kHeads})
        .tensor("time_mix_ln.weight", {kWidth})
        .tensor("time_mix_ln.bias", {kWidth});
  }
  void add_low_rank(const std::string& name, std::int64_t rank) {
    tensor("time_mix_" + name + "1.weight", {kWidth, rank})
        .tensor("time_mix_" + name + "2.weight", {rank, kWidth})
        .tensor("time_mix_" + name + "0.weight", {kWidth});
  }
  // base + f(x W1) W2
  template <class Function>
  Rows low_rank(const std::string& name, const Rows& x, Function&& f) {
    const Rows low = test::each(product(x, "time_mix_" + name + "1"), f);
    return plus(product(low, "time_mix_" + name + "2"), vector("time_mix_" + name + "0"));
  }
  Rows input_of(int part) {
    return mixed(
        test::rows_of(block_.file.values("blk.0.time_mix_lerp_fused.weight"), kWidth)[part]);
  }

  // https://arxiv.org/abs/2503.14456, formulas 4 to 22, with values `value`.
  Rows formula(const Rows& value) {
    const auto tanh_fn = [](double x) { return std::tanh(x); };
    const auto same = [](double x) { return x; };
    const Rows receptance = product(input_of(0), "time_mix_receptance");
    const Rows decay = test::each(low_rank("w", input_of(1), tanh_fn), [](double d) {
      return std::exp(-std::exp(-0.5) * test::sigmoid(d));
    });
    const Rows key = product(input_of(2), "time_mix_key");
    const Rows rate = test::each(low_rank("a", input_of(4), same), test::sigmoid);
    const Rows gate =
        product(test::each(product(input_of(5), "time_mix_g1"), test::sigmoid), "time_mix_g2");
    const Row k_k = vector("time_mix_k_k"), k_a = vector("time_mix_k_a"),
              r_k = vector("time_mix_r_k");
    std::vector<Rows> states(kHeads, Rows(kHead, Row(kHead)));
    Rows y(kRows), bonus(kRows);
    for (std::size_t t = 0; t < kRows; ++t) {
      for (int h = 0; h < kHeads; ++h) {
        const Row r = head_of(receptance[t], h), a = head_of(rate[t], h), v = head_of(value[t], h);
        const Row removal = test::unit(test::times(head_of(key[t], h), head_of(k_k, h)));
        const Row share =
            test::times(test::each(a, [](double x) { return x - 1.0; }), head_of(k_a, h));
        const Row k = test::times(head_of(key[t], h), Row(kHead, 1.0) + share);
        const Row known = test::read_state(states[h], removal);
        states[h] = test::decayed(head_of(decay[t], h), states[h]) +
                    -1.0 * test::outer(test::times(removal, a), known) + test::outer(k, v);
        const Row out = test::read_state(states[h], r);
        const Row more = test::dot(r, test::times(k, head_of(r_k, h))) * v;
        y[t].insert(y[t].end(), out.begin(), out.end());
        bonus[t].insert(bonus[t].end(), more.begin(), more.end());
      }
    }
    return product(test::times(normed_heads(y) + bonus, gate), "time_mix_output");
  }

  Rwkv7Spec spec_{.columns = kWidth,
                  .head_width = kHead,
                  .decay_rank = kDecayRank,
                  .rate_rank = kRateRank,
                  .value_rank = kValueRank,
                  .gate_rank = kGateRank};
};

TEST_F(Rwkv7Test, TheFirstLayerHandsItsValuesOn) {
  spec_.first = true;
  block_.shared.resize(kRows * kWidth);
  block_.run(spec_);
  const Rows value = product(input_of(3), "time_mix_value");
  test::expect_near(block_.out, formula(value));
  test::expect_near(block_.shared, value);
}

TEST_F(Rwkv7Test, LaterLayersMixThemIn) {
  add_low_rank("v", kValueRank);
  block_.shared = test::random_floats(kRows * kWidth, 55);
  block_.run(spec_);
  const Rows own = product(input_of(3), "time_mix_value");
  const Rows share =
      test::each(low_rank("v", input_of(3), [](double x) { return x; }), test::sigmoid);
  const Rows first = test::rows_of(block_.shared, kWidth);
  test::expect_near(block_.out, formula(own + test::times(share, first + -1.0 * own)));
}

}  // namespace
}  // namespace linnet
