#include "backend/stream_mixing.hpp"

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

constexpr std::int64_t kBlockColumns = 64;

// What stream `to` keeps of stream `from` at [from][to].
using Mixing = double[kMostStreams][kMostStreams];

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

void softmax_rows(Mixing& m, int n, double epsilon) {
  for (int from = 0; from < n; ++from) {
    const double largest = *std::max_element(m[from], m[from] + n);
    double sum = 0.0;
    for (int to = 0; to < n; ++to) sum += m[from][to] = std::exp(m[from][to] - largest);
    for (int to = 0; to < n; ++to) m[from][to] = m[from][to] / sum + epsilon;
  }
}

void normalise_rows(Mixing& m, int n, double epsilon) {
  for (int from = 0; from < n; ++from) {
    double sum = epsilon;
    for (int to = 0; to < n; ++to) sum += m[from][to];
    for (int to = 0; to < n; ++to) m[from][to] /= sum;
  }
}

void normalise_columns(Mixing& m, int n, double epsilon) {
  for (int to = 0; to < n; ++to) {
    double sum = epsilon;
    for (int from = 0; from < n; ++from) sum += m[from][to];
    for (int from = 0; from < n; ++from) m[from][to] /= sum;
  }
}

}  // namespace

void stream_weights_row(const float* mixes, const StreamParams& params, float* read, float* write) {
  const int n = params.streams;
  const auto mix = [&](int part, int i) {
    const int at = part * n + i;
    return double{mixes[at]} * params.scale[part] + params.base[at];
  };
  for (int i = 0; i < n; ++i) read[i] = static_cast<float>(sigmoid(mix(0, i)) + params.epsilon);
  if (!write) return;
  Mixing m;
  for (int from = 0; from < n; ++from) {
    for (int to = 0; to < n; ++to) m[from][to] = mix(2, from * n + to);
  }
  softmax_rows(m, n, params.epsilon);
  normalise_columns(m, n, params.epsilon);
  for (int i = 1; i < params.iterations; ++i) {
    normalise_rows(m, n, params.epsilon);
    normalise_columns(m, n, params.epsilon);
  }
  for (int to = 0; to < n; ++to) {
    for (int from = 0; from < n; ++from) *write++ = static_cast<float>(m[from][to]);
    *write++ = static_cast<float>(2.0 * sigmoid(mix(1, to)));
  }
}

void mix_streams_row(const float* in, int from, const float* weights, int to, std::int64_t width,
                     float* out) {
  for (std::int64_t first = 0; first < width; first += kBlockColumns) {
    const std::int64_t count = std::min(kBlockColumns, width - first);
    float sums[kMostStreams][kBlockColumns] = {};
    for (int t = 0; t < to; ++t) {
      for (int f = 0; f < from; ++f) {
        const float weight = weights[t * from + f];
        const float* values = in + f * width + first;
        for (std::int64_t c = 0; c < count; ++c) sums[t][c] += weight * values[c];
      }
    }
    for (int t = 0; t < to; ++t) std::copy_n(sums[t], count, out + t * width + first);
  }
}

}  // namespace linnet
