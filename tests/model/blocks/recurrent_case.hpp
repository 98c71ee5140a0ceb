#pragma once

#include "model/blocks/block_case.hpp"
#include "model/blocks/recurrent.hpp"

namespace linnet::test {

/// One block that keeps a state, by itself.
class RecurrentCase : public BlockCase {
 public:
  using BlockCase::BlockCase;

  std::vector<float> shared;  ///< Pass::shared, before and behind the block; one batch only

  /// Runs the block that `spec` is: over all rows at once, and in batches of three, which must come
  /// to the same bits where it looks back alone.
  void run(const RecurrentSpec& spec) {
    run_chunks(spec, 0);
    if (!shared.empty() || !causal) return;
    const std::vector<float> whole = out;
    std::ranges::fill(out, 0.0f);
    run_chunks(spec, 3);
    EXPECT_EQ(out, whole);
  }

 private:
  void run_chunks(const RecurrentSpec& spec, std::int64_t chunk) {
    const RecurrentBlockPtr block = load(
        [&](WeightLoader& loader) { return load_recurrent(loader, spec, model.width, "blk.0"); });
    ASSERT_NE(block, nullptr);
    state_floats = {linnet::state_floats(spec)};
    const std::int64_t shared_columns = std::ssize(shared) / std::ssize(tokens);
    BlockCase::run(
        block->workspace_columns() + shared_columns,
        [&](Pass pass, View in, View out) {
          pass.shared = pass.workspace.view(in.rows, shared_columns);
          if (!shared.empty()) pass.backend.upload(shared, pass.shared.data);
          block->run(pass, {0, 0}, in, out, /*accumulate=*/false);
          if (!shared.empty()) pass.backend.download(pass.shared, shared.data());
        },
        chunk);
  }
};

/// Each column by itself: y[t] = bias + sum over i of weight[column][i] * x[t - kernel + 1 + i].
inline Rows causal_convolution(const Rows& x, const Rows& weight, const Row& bias = {}) {
  const auto kernel = std::ssize(weight.front());
  Rows y = 0.0 * x;
  for (std::ptrdiff_t t = 0; t < std::ssize(x); ++t) {
    for (std::size_t c = 0; c < x[t].size(); ++c) {
      if (!bias.empty()) y[t][c] = bias[c];
      for (std::ptrdiff_t i = 0; i < kernel; ++i) {
        const std::ptrdiff_t from = t - kernel + 1 + i;
        if (from >= 0) y[t][c] += weight[c][i] * x[from][c];
      }
    }
  }
  return y;
}

/// The row before each row; zeros before the first one.
inline Rows previous(const Rows& x) {
  Rows before(1, 0.0 * x[0]);
  before.insert(before.end(), x.begin(), x.end() - 1);
  return before;
}

/// u v^T.
inline Rows outer(const Row& u, const Row& v) {
  Rows result;
  for (const double factor : u) result.push_back(factor * v);
  return result;
}

/// S^T q: the sum of the state's rows, each times its factor.
inline Row read_state(const Rows& state, const Row& q) {
  Row sum(state[0].size());
  for (std::size_t k = 0; k < state.size(); ++k) sum = sum + q[k] * state[k];
  return sum;
}

/// A state whose rows, one for each key column, are times their decays.
inline Rows decayed(const Row& decay, Rows state) {
  for (std::size_t k = 0; k < state.size(); ++k) state[k] = decay[k] * state[k];
  return state;
}

/// Of length one.
inline Row unit(const Row& x) { return 1.0 / std::sqrt(dot(x, x)) * x; }

/// `count` numbers below zero, as the rates at which states decay are in files.
inline std::vector<float> negative_floats(std::int64_t count, std::uint32_t seed) {
  std::vector<float> values = random_floats(count, seed);
  for (float& value : values) value = -std::fabs(value);
  return values;
}

}  // namespace linnet::test
