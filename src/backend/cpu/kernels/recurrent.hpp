#pragma once

#include "backend/cpu/kernels/elementwise.hpp"
#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"

namespace linnet::cpu {

/// Columns [task.first, task.last) of one sequence's rows.
template <class S>
void convolve(View in, const ConvolutionParams& params, const RunTask& task, View out) {
  const int past = params.kernel - 1;
  // The input `back` rows before row r: of this batch, or kept from the one before.
  const auto input = [&](std::int64_t r, int back) {
    const std::int64_t row = r - back;
    return row >= task.rows.first ? in.row(row)
                                  : task.state + (past + row - task.rows.first) * in.columns;
  };
  for (std::int64_t r = task.rows.first; r < task.rows.last; ++r) {
    for (std::int64_t c = task.first; c < task.last; c += 16) {
      const std::int64_t some = task.last - c < 16 ? task.last - c : 16;
      auto sum = params.bias ? load_some<S>(params.bias + c, some) : S::set(0.0f);
      for (int i = 0; i <= past; ++i) {
        sum = S::fma(load_some<S>(params.weight + i * in.columns + c, some),
                     load_some<S>(input(r, past - i) + c, some), sum);
      }
      if (params.activation) sum = activate<S>(sum, *params.activation);
      store_some<S>(out.row(r) + c, sum, some);
    }
  }
  for (int i = 0; i < past; ++i) {
    const float* from = input(task.rows.last, past - i);
    float* to = task.state + i * in.columns;
    for (std::int64_t c = task.first; c < task.last; ++c) to[c] = from[c];
  }
}

/// What a scan reads of one row for one head.
struct ScanToken {
  const float *query, *key, *value, *decay, *remove, *add, *bonus;
  int decay_step;  ///< 0: one decay for all keys
  float gain;
};

template <class S>
ScanToken scan_token(const ScanInput& in, const ScanParams& p, std::int64_t row, int h) {
  const int key_head =
      p.sharing == KeySharing::kCyclic ? h % p.key_heads : h * p.key_heads / p.heads;
  const std::int64_t shared = std::int64_t{key_head} * p.key_width;
  const std::int64_t own = std::int64_t{h} * p.key_width;
  const bool own_decays = in.decay.columns != p.heads;
  return {in.query.row(row) + shared,
          in.key.row(row) + shared,
          in.value.row(row) + std::int64_t{h} * p.value_width,
          in.decay.row(row) + (own_decays ? own : h),
          in.remove.data ? in.remove.row(row) + own : nullptr,
          in.add.data ? in.add.row(row) + own : nullptr,
          p.bonus ? p.bonus + own : nullptr,
          own_decays ? 1 : 0,
          in.gain.data ? in.gain.row(row)[h] : 1.0f};
}

/// A part of a head's state, [key_width][kBlocks][lanes]: kBlocks blocks of `lanes` columns, which
/// are 16 unless the head's last block has fewer.
template <class S, int kBlocks>
struct ScanState {
  using Float = typename S::Float;
  float* first;
  int lanes;

  Float load(int block, int key) const { return load_some<S>(at(block, key), lanes); }
  void store(int block, int key, Float x) const { store_some<S>(at(block, key), x, lanes); }
  float* at(int block, int key) const { return first + (key * kBlocks + block) * lanes; }
};

/// Moves the columns on by one token: `values` are theirs and become the output before scale
/// and skip. Several blocks at a time, because each is a chain of dependent additions.
template <class S, ScanRule kRule, int kBlocks>
void advance(const int keys, const ScanToken& token, const ScanState<S, kBlocks>& place,
             typename S::Float* values) {
  using F = typename S::Float;
  // Copies, because for all the compiler knows a store could change what it reads through a
  // pointer.
  const ScanToken t = token;
  const ScanState<S, kBlocks> state = place;
  F columns[kBlocks], out[kBlocks], known[kBlocks];
  for (int b = 0; b < kBlocks; ++b) {
    columns[b] = values[b];
    out[b] = known[b] = S::set(0.0f);
  }
  const auto decay = [&](int k) { return S::set(t.decay[k * t.decay_step]); };
  if constexpr (kRule == ScanRule::kAdd) {
    for (int b = 0; b < kBlocks; ++b) columns[b] = S::mul(columns[b], S::set(t.gain));
    for (int k = 0; k < keys; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        const F s = S::fma(S::set(t.key[k]), columns[b], S::mul(state.load(b, k), decay(k)));
        state.store(b, k, s);
        out[b] = S::fma(s, S::set(t.query[k]), out[b]);
      }
    }
  } else if constexpr (kRule == ScanRule::kBonus) {
    for (int k = 0; k < keys; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        const F old = state.load(b, k);
        const F outer = S::mul(S::set(t.key[k]), columns[b]);
        out[b] = S::fma(S::fma(S::set(t.bonus[k]), outer, old), S::set(t.query[k]), out[b]);
        state.store(b, k, S::add(S::mul(old, decay(k)), outer));
      }
    }
  } else if constexpr (kRule == ScanRule::kDelta) {
    for (int k = 0; k < keys; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        const F s = S::mul(state.load(b, k), decay(k));
        known[b] = S::fma(s, S::set(t.key[k]), known[b]);
      }
    }
    for (int b = 0; b < kBlocks; ++b) {
      columns[b] = S::mul(S::sub(columns[b], known[b]), S::set(t.gain));
    }
    for (int k = 0; k < keys; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        const F s = S::fma(S::set(t.key[k]), columns[b], S::mul(state.load(b, k), decay(k)));
        state.store(b, k, s);
        out[b] = S::fma(s, S::set(t.query[k]), out[b]);
      }
    }
  } else {
    for (int k = 0; k < keys; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        known[b] = S::fma(state.load(b, k), S::set(t.remove[k]), known[b]);
      }
    }
    for (int k = 0; k < keys; ++k) {
      for (int b = 0; b < kBlocks; ++b) {
        F s = S::mul(state.load(b, k), decay(k));
        s = S::sub(s, S::mul(S::set(t.add[k]), known[b]));
        s = S::fma(S::set(t.key[k]), columns[b], s);
        state.store(b, k, s);
        out[b] = S::fma(s, S::set(t.query[k]), out[b]);
      }
    }
  }
  for (int b = 0; b < kBlocks; ++b) values[b] = out[b];
}

/// kBlocks blocks from the column `first` on go through the task's rows.
template <class S, ScanRule kRule, int kBlocks>
void scan_blocks(const ScanInput& in, const ScanParams& p, const RunTask& task, int first,
                 int lanes, View out) {
  const int head = static_cast<int>(task.first);
  const std::int64_t head_first = std::int64_t{head} * p.value_width + first;
  const ScanState<S, kBlocks> state{task.state + std::int64_t{first} * p.key_width, lanes};
  for (std::int64_t r = task.rows.first; r < task.rows.last; ++r) {
    const ScanToken token = scan_token<S>(in, p, r, head);
    typename S::Float columns[kBlocks], skipped[kBlocks];
    for (int b = 0; b < kBlocks; ++b) {
      columns[b] = load_some<S>(token.value + first + 16 * b, lanes);
      skipped[b] = columns[b];
    }
    advance<S, kRule, kBlocks>(p.key_width, token, state, columns);
    for (int b = 0; b < kBlocks; ++b) {
      auto sum = S::mul(columns[b], S::set(p.scale));
      if (p.skip) sum = S::fma(S::set(p.skip[head]), skipped[b], sum);
      store_some<S>(out.row(r) + head_first + 16 * b, sum, lanes);
    }
  }
}

/// The head task.first of one sequence. A few rows go through all blocks before the next rows do,
/// so that a block and what is read of the rows stay in the first-level cache.
template <class S, ScanRule kRule>
void scan_by(const ScanInput& in, const ScanParams& p, const RunTask& task, View out) {
  constexpr std::int64_t kRows = 16;
  for (std::int64_t row = task.rows.first; row < task.rows.last; row += kRows) {
    RunTask some = task;
    some.rows.first = row;
    some.rows.last = task.rows.last - row < kRows ? task.rows.last : row + kRows;
    int first = 0;
    for (; first + 32 <= p.value_width; first += 32) {
      scan_blocks<S, kRule, 2>(in, p, some, first, 16, out);
    }
    for (; first < p.value_width; first += 16) {
      const int lanes = p.value_width - first < 16 ? p.value_width - first : 16;
      scan_blocks<S, kRule, 1>(in, p, some, first, lanes, out);
    }
  }
}

template <class S>
void scan(const ScanInput& in, const ScanParams& p, const RunTask& task, View out) {
  switch (p.rule) {
    case ScanRule::kAdd:
      return scan_by<S, ScanRule::kAdd>(in, p, task, out);
    case ScanRule::kBonus:
      return scan_by<S, ScanRule::kBonus>(in, p, task, out);
    case ScanRule::kDelta:
      return scan_by<S, ScanRule::kDelta>(in, p, task, out);
    case ScanRule::kReplace:
      return scan_by<S, ScanRule::kReplace>(in, p, task, out);
  }
}

/// Channels [task.first, task.last), at most 16, of one sequence; their state is [state_width]
/// [channels of the task].
template <class S>
void selective_scan(const SelectiveScanInput& in, const SelectiveScanParams& p, const RunTask& task,
                    View out) {
  const std::int64_t channels = in.x.columns;
  const std::int64_t lanes = task.last - task.first;
  const auto skip = load_some<S>(p.skip + task.first, lanes);
  for (std::int64_t r = task.rows.first; r < task.rows.last; ++r) {
    const float* input = in.input.row(r);
    const float* output = in.output.row(r);
    const auto x = load_some<S>(in.x.row(r) + task.first, lanes);
    const auto step = softplus<S>(load_some<S>(in.step.row(r) + task.first, lanes));
    const auto gained = S::mul(step, x);
    auto sum = S::set(0.0f);
    for (int n = 0; n < p.state_width; ++n) {
      float* at = task.state + n * lanes;
      const auto rate = load_some<S>(p.rate + n * channels + task.first, lanes);
      auto s = S::mul(exp<S>(S::mul(step, rate)), load_some<S>(at, lanes));
      s = S::fma(gained, S::set(input[n]), s);
      store_some<S>(at, s, lanes);
      sum = S::fma(s, S::set(output[n]), sum);
    }
    store_some<S>(out.row(r) + task.first, S::fma(skip, x, sum), lanes);
  }
}

template <class S>
void decay_row(float* x, std::int64_t width, const DecayParams& params, float* out) {
  const auto zero = S::set(0.0f);
  for (std::int64_t i = 0; i < width; i += 16) {
    const std::int64_t some = width - i < 16 ? width - i : 16;
    auto value = load_some<S>(x + i, some);
    if (params.bias) value = S::add(value, load_some<S>(params.bias + i, some));
    auto exponent = zero;
    switch (params.kind) {
      case DecayKind::kSoftplus:
        value = softplus<S>(value);
        store_some<S>(x + i, value, some);
        exponent = S::mul(load_some<S>(params.rate + i, some), value);
        break;
      case DecayKind::kExponential:
        exponent = S::sub(zero, exp<S>(value));
        break;
      case DecayKind::kSigmoid:
        exponent = S::mul(sigmoid<S>(value), S::set(-0.60653066f));  // -exp(-1/2)
        break;
    }
    store_some<S>(out + i, exp<S>(exponent), some);
  }
}

}  // namespace linnet::cpu
