// Compressed keys and several residual streams.

#include <algorithm>
#include <cmath>

#include "backend/host_state_store.hpp"
#include "backend/reference/reference_backend.hpp"
#include "backend/stream_mixing.hpp"

namespace linnet::reference {
namespace {

// The tokens that a sequence's state keeps.
struct Window {
  const PoolParams& params;
  std::int64_t columns;
  float* state;

  float* values(std::int32_t position) const {
    return state + position % params.kept() * 2 * columns;
  }
  float* scores(std::int32_t position) const { return values(position) + columns; }

  void keep(std::int32_t position, const float* new_values, const float* new_scores) const {
    const float* offsets = params.offsets + position % params.ratio * columns;
    for (std::int64_t c = 0; c < columns; ++c) {
      values(position)[c] = new_values[c];
      scores(position)[c] = new_scores[c] + offsets[c];
    }
  }

  // The column `c` of the window that ends at `last`.
  double pool(std::int32_t last, std::int64_t c) const {
    const std::int64_t own = params.overlaps ? columns / 2 + c : c;
    std::vector<double> scores_of, values_of;
    const auto take = [&](std::int32_t first, std::int64_t column) {
      for (std::int32_t t = first; t < first + params.ratio; ++t) {
        scores_of.push_back(scores(t)[column]);
        values_of.push_back(values(t)[column]);
      }
    };
    const std::int32_t first = last + 1 - params.ratio;
    if (params.overlaps && first > 0) take(first - params.ratio, c);
    take(first, own);
    const double largest = *std::ranges::max_element(scores_of);
    double sum = 0.0, result = 0.0;
    for (std::size_t i = 0; i < scores_of.size(); ++i) {
      const double weight = std::exp(scores_of[i] - largest);
      sum += weight;
      result += weight * values_of[i];
    }
    return result / sum;
  }
};

}  // namespace

void ReferenceBackend::pool_windows(StateStore& store, View values, View scores,
                                    const PoolParams& params, const BatchLayout& batch, View out) {
  std::vector<SequenceRun> runs;
  find_runs(batch, runs);
  std::int64_t pooled = 0;
  for (const SequenceRun& run : runs) {
    float* state = static_cast<HostStateStore&>(store).at(params.state, run.slot);
    const Window window{params, values.columns, state};
    for (std::int64_t r = run.first; r < run.last; ++r) {
      const std::int32_t position = batch.positions[r];
      window.keep(position, values.row(r), scores.row(r));
      if ((position + 1) % params.ratio != 0) continue;
      for (std::int64_t c = 0; c < out.columns; ++c) {
        out.row(pooled)[c] = static_cast<float>(window.pool(position, c));
      }
      ++pooled;
    }
  }
}

void ReferenceBackend::stream_weights(View mixes, const StreamParams& params, View read,
                                      View write) {
  for (std::int64_t r = 0; r < mixes.rows; ++r) {
    stream_weights_row(mixes.row(r), params, read.row(r), write.data ? write.row(r) : nullptr);
  }
}

void ReferenceBackend::mix_streams(View in, View weights, std::int64_t width, View out) {
  const auto from = static_cast<int>(in.columns / width);
  const auto to = static_cast<int>(out.columns / width);
  for (std::int64_t r = 0; r < in.rows; ++r) {
    for (std::int64_t c = 0; c < width; ++c) {
      double sums[kMostStreams] = {};
      for (int t = 0; t < to; ++t) {
        for (int f = 0; f < from; ++f) {
          sums[t] += double{weights.row(r)[t * from + f]} * in.row(r)[f * width + c];
        }
      }
      for (int t = 0; t < to; ++t) out.row(r)[t * width + c] = static_cast<float>(sums[t]);
    }
  }
}

}  // namespace linnet::reference
