#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/host_state_store.hpp"
#include "backend/reference/reference_backend.hpp"

namespace linnet::reference {
namespace {

HostStateStore& host(StateStore& store) { return static_cast<HostStateStore&>(store); }

double softplus(double x) { return x > 30.0 ? x : std::log1p(std::exp(x)); }

std::vector<SequenceRun> runs_of(const BatchLayout& batch) {
  std::vector<SequenceRun> runs;
  find_runs(batch, runs);
  return runs;
}

// The head h of one row of a scan.
struct Token {
  const float *query, *key, *value, *decay, *remove, *add;
  int decay_step;  // 0: one decay for all keys
  double gain;
};

Token token_of(const ScanInput& in, const ScanParams& p, std::int64_t row, int h) {
  const int key_head =
      p.sharing == KeySharing::kCyclic ? h % p.key_heads : h * p.key_heads / p.heads;
  const bool own_decays = in.decay.columns != p.heads;
  const std::int64_t keys = std::int64_t{h} * p.key_width;
  Token t;
  t.query = in.query.row(row) + std::int64_t{key_head} * p.key_width;
  t.key = in.key.row(row) + std::int64_t{key_head} * p.key_width;
  t.value = in.value.row(row) + std::int64_t{h} * p.value_width;
  t.decay = in.decay.row(row) + (own_decays ? keys : h);
  t.decay_step = own_decays ? 1 : 0;
  t.gain = in.gain.data ? in.gain.row(row)[h] : 1.0;
  t.remove = in.remove.data ? in.remove.row(row) + keys : nullptr;
  t.add = in.add.data ? in.add.row(row) + keys : nullptr;
  return t;
}

// Moves column `v` of the state on by one token; returns the output before scale and skip.
double advance(const ScanParams& p, const Token& t, const float* bonus, float* state, int v) {
  const auto at = [&](int k) -> float& { return state[std::int64_t{k} * p.value_width + v]; };
  const auto decay = [&](int k) { return double{t.decay[k * t.decay_step]}; };
  const double value = t.value[v];
  double out = 0.0;
  switch (p.rule) {
    case ScanRule::kAdd:
      for (int k = 0; k < p.key_width; ++k) {
        at(k) = static_cast<float>(decay(k) * at(k) + t.key[k] * t.gain * value);
        out += double{at(k)} * t.query[k];
      }
      return out;
    case ScanRule::kBonus:
      for (int k = 0; k < p.key_width; ++k) {
        const double outer = t.key[k] * value;
        out += (at(k) + bonus[k] * outer) * t.query[k];
        at(k) = static_cast<float>(decay(k) * at(k) + outer);
      }
      return out;
    case ScanRule::kDelta: {
      double known = 0.0;
      for (int k = 0; k < p.key_width; ++k) known += decay(k) * at(k) * t.key[k];
      const double delta = t.gain * (value - known);
      for (int k = 0; k < p.key_width; ++k) {
        at(k) = static_cast<float>(decay(k) * at(k) + t.key[k] * delta);
        out += double{at(k)} * t.query[k];
      }
      return out;
    }
    case ScanRule::kReplace: {
      double removed = 0.0;
      for (int k = 0; k < p.key_width; ++k) removed += double{at(k)} * t.remove[k];
      for (int k = 0; k < p.key_width; ++k) {
        at(k) = static_cast<float>(decay(k) * at(k) - t.add[k] * removed + t.key[k] * value);
        out += double{at(k)} * t.query[k];
      }
      return out;
    }
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<StateStore>> ReferenceBackend::make_state_store(const StateShape& shape) {
  return HostStateStore::make(shape);
}

void ReferenceBackend::convolve(StateStore& store, View in, const ConvolutionParams& params,
                                const BatchLayout& batch, View out) {
  const int past = params.kernel - 1;
  for (const SequenceRun& run : runs_of(batch)) {
    float* window = host(store).at(params.state, run.slot);
    for (std::int64_t r = run.first; r < run.last; ++r) {
      for (std::int64_t c = 0; c < in.columns; ++c) {
        double sum = params.bias ? params.bias[c] : 0.0;
        for (int i = 0; i < past; ++i) {
          sum += double{params.weight[i * in.columns + c]} * window[i * in.columns + c];
        }
        sum += double{params.weight[past * in.columns + c]} * in.row(r)[c];
        out.row(r)[c] = static_cast<float>(sum);
      }
      std::memmove(window, window + in.columns, sizeof(float) * (past - 1) * in.columns);
      std::memcpy(window + (past - 1) * in.columns, in.row(r), sizeof(float) * in.columns);
    }
  }
  if (params.activation) gated_activation(out, View{}, *params.activation, out);
}

void ReferenceBackend::scan(StateStore& store, const ScanInput& in, const ScanParams& p,
                            const BatchLayout& batch, View out) {
  const std::int64_t head_floats = std::int64_t{p.key_width} * p.value_width;
  for (const SequenceRun& run : runs_of(batch)) {
    float* states = host(store).at(p.state, run.slot);
    for (std::int64_t r = run.first; r < run.last; ++r) {
      for (int h = 0; h < p.heads; ++h) {
        const Token token = token_of(in, p, r, h);
        const float* bonus = p.bonus ? p.bonus + std::int64_t{h} * p.key_width : nullptr;
        float* to = out.row(r) + std::int64_t{h} * p.value_width;
        for (int v = 0; v < p.value_width; ++v) {
          const double sum = advance(p, token, bonus, states + h * head_floats, v);
          to[v] =
              static_cast<float>(sum * p.scale + (p.skip ? double{p.skip[h]} * token.value[v] : 0));
        }
      }
    }
  }
}

void ReferenceBackend::selective_scan(StateStore& store, const SelectiveScanInput& in,
                                      const SelectiveScanParams& p, const BatchLayout& batch,
                                      View out) {
  const std::int64_t channels = in.x.columns;
  for (const SequenceRun& run : runs_of(batch)) {
    float* state = host(store).at(p.state, run.slot);
    for (std::int64_t r = run.first; r < run.last; ++r) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const double x = in.x.row(r)[c];
        const double step = softplus(in.step.row(r)[c]);
        double sum = 0.0;
        for (int n = 0; n < p.state_width; ++n) {
          float& s = state[n * channels + c];
          s = static_cast<float>(std::exp(step * p.rate[n * channels + c]) * s +
                                 step * x * in.input.row(r)[n]);
          sum += double{s} * in.output.row(r)[n];
        }
        out.row(r)[c] = static_cast<float>(sum + p.skip[c] * x);
      }
    }
  }
}

void ReferenceBackend::decay(View x, const DecayParams& params, View out) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      float& value = x.row(r)[c];
      const double sum = double{value} + (params.bias ? params.bias[c] : 0.0f);
      double exponent = 0.0;
      switch (params.kind) {
        case DecayKind::kSoftplus:
          exponent = params.rate[c] * softplus(sum);
          value = static_cast<float>(softplus(sum));
          break;
        case DecayKind::kExponential:
          exponent = -std::exp(sum);
          break;
        case DecayKind::kSigmoid:
          exponent = -std::exp(-0.5) / (1.0 + std::exp(-sum));
          break;
      }
      out.row(r)[c] = static_cast<float>(std::exp(exponent));
    }
  }
}

void ReferenceBackend::mix_shifted(View x, View shift, const float* weight, View mix, View out) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    for (std::int64_t c = 0; c < x.columns; ++c) {
      const double share = (weight ? weight[c] : 0.0) + (mix.data ? mix.row(r)[c] : 0.0);
      out.row(r)[c] = static_cast<float>(x.row(r)[c] + shift.row(r)[c] * share);
    }
  }
}

void ReferenceBackend::dot_heads(View a, View b, const float* weight, View out) {
  const std::int64_t width = a.columns / out.columns;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    for (std::int64_t h = 0; h < out.columns; ++h) {
      double sum = 0.0;
      for (std::int64_t c = h * width; c < (h + 1) * width; ++c) {
        sum += double{a.row(r)[c]} * b.row(r)[c] * weight[c];
      }
      out.row(r)[h] = static_cast<float>(sum);
    }
  }
}

}  // namespace linnet::reference
